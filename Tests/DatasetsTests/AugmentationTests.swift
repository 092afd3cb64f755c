import CKernels
import Compute
import Prototxt
import Schema
import Testing

@testable import Datasets

/// What training changes at random, beyond Caffe's crop and mirror.
@Suite("Changes of images in training")
struct AugmentationTests {
  private let size = ImageSize(channels: 3, height: 7, width: 7)
  private var pixels: [UInt8] { (0..<147).map { UInt8($0 * 5 % 251) } }

  private func settings(_ text: String) throws -> TransformSettings {
    let net = "layer { name: 'd' type: 'Data' transform_param { \(text) } }"
    let message = try #require(TextFormat.parse(net, as: .net).messages("layer").first).message(
      "transform_param")
    return try TransformSettings(message, owner: "layer 'data' (Data)", files: { [$0] })
  }

  private func result(_ text: String, training: Bool = true, seed: UInt64 = 1) throws -> [Float] {
    let transform = ImageTransform(
      try settings(text), isTraining: training, random: RandomStream(seed: seed, purpose: "x"))
    var result = [Float](repeating: .nan, count: size.count)
    result.withUnsafeMutableBufferPointer { target in
      guard let start = target.baseAddress else { return }
      transform.apply(pixels, size, to: start)
    }
    return result
  }

  private let all =
    "rotation: 30 min_zoom: 0.8 max_zoom: 1.3 brightness: 0.2 contrast: 0.3 saturation: 0.4 erase: 0.5 "

  @Test("Tests see images as they are, and so does training that asks for nothing")
  func none() throws {
    let plain = try result("scale: 0.5")
    #expect(plain == pixels.map { Float($0) * 0.5 })
    #expect(try result(all + "scale: 0.5", training: false) == plain)
  }

  @Test("The same seed changes the same way, another seed another way")
  func seeds() throws {
    let first = try result(all)
    #expect(try result(all) == first)
    #expect(try result(all, seed: 2) != first)
  }

  @Test("What is asked for does not change how mirror and crop are drawn")
  func draws() throws {
    for seed in UInt64(0)..<8 {
      let plain = try result("mirror: true", seed: seed)
      // So little that only rounding shows.
      let changed = try result("mirror: true contrast: 1e-7", seed: seed)
      #expect(zip(plain, changed).allSatisfy { abs($0 - $1) < 1e-3 })
    }
  }

  @Test("A quarter turn puts each pixel where it belongs")
  func quarter() {
    let image = pixels.map(Float.init)
    var turned = [Float](repeating: 0, count: size.count)
    var map = Augmenter.map(degrees: 90, zoom: 1, size)
    nk_affine(&turned, image, 3, 7, 7, &map)
    for channel in 0..<3 {
      for row in 0..<7 {
        for column in 0..<7 {
          let from = image[channel * 49 + column * 7 + 6 - row]
          let other = image[channel * 49 + (6 - column) * 7 + row]
          let value = turned[channel * 49 + row * 7 + column]
          #expect(abs(value - from) < 1e-2 || abs(value - other) < 1e-2)
        }
      }
    }
    var back = Augmenter.map(degrees: -90, zoom: 1, size)
    var again = turned
    nk_affine(&again, turned, 3, 7, 7, &back)
    #expect(zip(again, image).allSatisfy { abs($0 - $1) < 1e-2 })
  }

  @Test("Enlarged twice, the middle stays and what lies between is the mean")
  func zoom() {
    let image = (0..<49).map(Float.init)
    var large = [Float](repeating: 0, count: 49)
    var map = Augmenter.map(degrees: 0, zoom: 2, ImageSize(channels: 1, height: 7, width: 7))
    nk_affine(&large, image, 1, 7, 7, &map)
    #expect(large[24] == 24)
    #expect(abs(large[25] - 24.5) < 1e-4 && abs(large[31] - 27.5) < 1e-4)
  }

  @Test("Colours stay within bytes, brightness shifts, no saturation is grey")
  func colors() {
    var image: [Float] = [10, 200, 20, 100, 250, 30]
    var color = nk_color(saturation: 0, contrast: 1, shift: 0, least: 0, most: 255)
    nk_change_colors(&image, 3, 2, &color)
    #expect(abs(image[0] - image[2]) < 1e-3 && abs(image[2] - image[4]) < 1e-3)
    var shifted: [Float] = [10, 250]
    color = nk_color(saturation: 1, contrast: 1, shift: 20, least: 0, most: 255)
    nk_change_colors(&shifted, 1, 2, &color)
    #expect(shifted == [30, 255])
    var spread: [Float] = [100, 120]
    color = nk_color(saturation: 1, contrast: 2, shift: 0, least: 0, most: 255)
    nk_change_colors(&spread, 1, 2, &color)
    #expect(spread == [90, 130])
  }

  @Test("What is erased is one rectangle of zeros through all channels, no larger than allowed")
  func erase() throws {
    for seed in UInt64(0)..<20 {
      let values = try result("erase: 1 max_erase_area: 0.3 mean_value: -1", seed: seed)
      let erased = (0..<49).filter { place in (0..<3).allSatisfy { values[$0 * 49 + place] == 0 } }
      #expect(!erased.isEmpty && erased.count <= 25)
      let rows = Set(erased.map { $0 / 7 })
      let columns = Set(erased.map { $0 % 7 })
      #expect(rows.count * columns.count == erased.count)
    }
  }

  @Test("Numbers out of range are told, all at once")
  func refused() throws {
    do {
      _ = try settings("rotation: -1 contrast: 2 min_zoom: 0 erase: 1.5")
      Issue.record("accepted")
    } catch let problems as Diagnostics {
      #expect(
        problems.all.map(\.message) == [
          "layer 'data' (Data): rotation is -1.0, but must be from 0.0 to 180.0",
          "layer 'data' (Data): min_zoom is 0.0, but must be from 0.1 to 10.0",
          "layer 'data' (Data): contrast is 2.0, but must be from 0.0 to 1.0",
          "layer 'data' (Data): erase is 1.5, but must be from 0.0 to 1.0",
        ])
    }
    #expect(throws: Diagnostics.self) { _ = try settings("min_zoom: 1.5") }
  }
}

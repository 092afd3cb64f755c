import Foundation
import HDF5
import Prototxt
import Testing

@testable import Schema

@Suite("Weights and states in HDF5's format")
struct HDF5FileTests {
  private static let goldens = ["caffemodel", "solverstate"].map {
    Goldens.folder.appending(path: "solvers/hdf5/expected_iter_20.\($0).h5").path
  }

  private func withPath<Result>(_ step: (String) throws -> Result) throws -> Result {
    let path = Goldens.temporary("file.h5")
    defer { unlink(path) }
    return try step(path)
  }

  private func told(_ step: () throws -> Void) -> [String] {
    do {
      try step()
      return []
    } catch let error as Diagnostics {
      return error.all.map { "\($0.message) | \($0.help ?? "")" }
    } catch let error as Diagnostic {
      return ["\(error.message) | \(error.help ?? "")"]
    } catch { return ["\(error)"] }
  }

  @Test("Caffe's weights: a group for each layer, and the blobs of those that have some")
  func golden() throws {
    let file = try WeightFile(path: Self.goldens[0])
    #expect(
      file.layers.map(\.name) == ["act1", "conv1", "digits", "ip1", "ip2", "loss", "pool1"])
    #expect(file.layers[1].blobs.map(\.shape) == [[6, 1, 5, 5], [6]])
    #expect(file.layers[3].places == [0, 1] && file.layers[0].places == [])
    #expect(file.layers[3].blobs.allSatisfy { !$0.hasDiff && !$0.isLegacyShape })
    let values = file.layers[1].blobs[0].floats()
    #expect(Set(values).count > 100 && values.allSatisfy { abs($0) < 2 })
  }

  @Test("Caffe's state: the iteration, the weights' name, the history")
  func goldenState() throws {
    let state = try SolverStateFile(path: Self.goldens[1])
    #expect(state.iteration == 20 && state.currentStep == 0)
    #expect(state.learnedNet == "snap_iter_20.caffemodel.h5")
    #expect(state.history.map(\.shape).first == [6, 1, 5, 5] && state.history.count == 6)
  }

  /// Writes two layers that share a blob, and one without any.
  private func write(_ path: String, withDiff: Bool) throws -> [Float] {
    let values = (0..<12).map { Float($0) * 0.37 - 2 }
    try values.withUnsafeBufferPointer { buffer in
      let base = try #require(buffer.baseAddress)
      let diff = withDiff ? base + 6 : nil
      let a = BlobSource(shape: [2, 3], values: base, diff: diff)
      let b = BlobSource(shape: [3], values: base + 6, diff: diff)
      let scalar = BlobSource(shape: [], values: base + 9, diff: diff)
      try WeightWriter.writeHDF5(
        to: path,
        layers: [
          .init(name: "owner", blobs: [a, b, scalar], owns: [true, true, true]),
          .init(name: "sharer", blobs: [a, b], owns: [false, true]),
          .init(name: "relu", blobs: [], owns: []),
        ])
    }
    return values
  }

  @Test(
    "What is written comes back; blobs of another layer are left out", arguments: [false, true])
  func roundTrip(_ withDiff: Bool) throws {
    try withPath { path in
      let values = try write(path, withDiff: withDiff)
      let file = try WeightFile(path: path)
      #expect(file.layers.map(\.name) == ["owner", "relu", "sharer"])
      let (owner, sharer) = (file.layers[0], file.layers[2])
      #expect(owner.blobs.map(\.shape) == [[2, 3], [3], []])
      #expect(owner.blobs[0].floats() == Array(values[..<6]))
      #expect(owner.blobs[2].floats() == [values[9]])
      #expect(owner.blobs[0].hasDiff == withDiff)
      #expect(
        owner.blobs[0].diffs() == (withDiff ? Array(values[6...]) : .init(repeating: 0, count: 6)))
      #expect(sharer.places == [1] && sharer.blob(0) == nil)
      #expect(sharer.blob(1)?.floats() == Array(values[6..<9]))
      // Differences are there for all blobs.
      let inside = try HDF5File(reading: path)
      #expect(
        try inside.object("diff/sharer/0") == (withDiff ? .numbers(shape: [2, 3]) : nil))
    }
  }

  @Test("The same values make the same bytes, and a state comes back")
  func bytes() throws {
    try withPath { path in
      _ = try write(path, withDiff: true)
      let first = try Goldens.bytes(path)
      sleep(1)
      _ = try write(path, withDiff: true)
      #expect(try Goldens.bytes(path) == first)
      let values: [Float] = [1, 2, 3]
      try values.withUnsafeBufferPointer { buffer in
        let blob = BlobSource(shape: [3], values: try #require(buffer.baseAddress))
        try SolverStateFile.writeHDF5(
          to: path, iteration: 7, learnedNet: "häuser/net.caffemodel.h5", currentStep: 2,
          history: .init(repeating: blob, count: 12))
      }
      let state = try SolverStateFile(path: path)
      #expect(state.iteration == 7 && state.currentStep == 2)
      #expect(state.learnedNet == "häuser/net.caffemodel.h5")
      #expect(state.history.count == 12 && state.history.allSatisfy { $0.floats() == values })
    }
  }

  @Test("Names with '/' are groups in groups")
  func nested() throws {
    try withPath { path in
      let file = try HDF5File(creating: path)
      for group in ["data", "data/a", "data/a/b", "data/c"] { try file.makeGroup(group) }
      try file.write("data/a/b/0", shape: [1], values: [4])
      try file.write("data/a/b/word", text: "no blob")
      try file.write("data/c/1", shape: [1], values: [5])
      try file.close()
      let layers = try WeightFile(path: path).layers
      #expect(layers.map(\.name) == ["a/b", "c"])
      #expect(layers.map(\.places) == [[0], [1]])
      #expect(layers[0].blobs[0].floats() == [4])
    }
  }

  @Test("A file that cannot be written is told, and nothing is left of it")
  func unwritable() throws {
    #expect(
      told { _ = try write("/nowhere/x.h5", withDiff: false) }
        == ["cannot be written: there is no such folder | create the folder '/nowhere'"])
    #expect(
      told { _ = try write("/dev/null", withDiff: false) }
        == ["is no plain file, as this format needs one | "])
    let folder = Goldens.temporary("folder")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bad = told {
      try WeightWriter.writeHDF5(
        to: "\(folder)/x.h5", layers: [.init(name: "a/b", blobs: [], owns: [])])
    }
    #expect(bad.first?.hasPrefix("cannot be written: ") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
  }

  // MARK: Damage

  @Test("Cut off anywhere, a file is refused", arguments: goldens)
  func cutOff(_ golden: String) throws {
    let bytes = try Goldens.bytes(golden)
    for length in stride(from: 8, to: bytes.count, by: 397) {
      try withPath { path in
        try AtomicFile.write(Array(bytes[..<length]), to: path)
        let problems = told {
          if golden == Self.goldens[0] {
            _ = try WeightFile(path: path)
          } else {
            _ = try SolverStateFile(path: path)
          }
        }
        #expect(!problems.isEmpty, "\(length) bytes")
      }
    }
  }

  @Test("Damaged bytes end in a diagnostic or in other numbers", arguments: goldens)
  func damaged(_ golden: String) throws {
    let bytes = try Goldens.bytes(golden)
    var random = SystemStandIn(state: 42)
    var refused = 0
    for round in 0..<200 {
      var changed = bytes
      for _ in 0..<[1, 8, 30][round % 3] {
        changed[Int.random(in: 0..<bytes.count, using: &random)] =
          UInt8.random(in: 0...255, using: &random)
      }
      try withPath { path in
        try AtomicFile.write(changed, to: path)
        let problems = told {
          if golden == Self.goldens[0] {
            for layer in try WeightFile(path: path).layers {
              for blob in layer.blobs { #expect(blob.floats().count == blob.count) }
            }
          } else {
            _ = try SolverStateFile(path: path)
          }
        }
        refused += problems.isEmpty ? 0 : 1
      }
    }
    #expect(refused > 20)
  }

  /// Numbers that look random and are the same each time.
  private struct SystemStandIn: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }

  @Test("What says more than it holds is refused before memory is taken")
  func impossible() throws {
    try withPath { path in
      let file = try HDF5File(creating: path)
      try file.makeGroup("data")
      try file.makeGroup("data/ip")
      try file.write("data/ip/0", shape: [77, 1, 3], values: [Float](repeating: 1, count: 231))
      try file.close()
      // The shape stands in the file as words of 64 bits.
      var bytes = try Goldens.bytes(path)
      let sizes: [UInt8] = [77, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3]
      var found = 0
      for start in bytes.indices.dropLast(sizes.count)
      where Array(bytes[start..<start + sizes.count]) == sizes {
        bytes[start + 4] = 1
        found += 1
      }
      #expect(found > 0)
      try AtomicFile.write(bytes, to: path)
      let problems = told { _ = try WeightFile(path: path) }
      #expect(problems.count == 1 && problems[0].contains("'data/ip/0'"), "\(problems)")
    }
  }
}

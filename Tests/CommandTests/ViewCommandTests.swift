import Foundation
import Testing

@testable import netrun

@Suite("netrun view")
struct ViewCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("Weights: norms, and counts of values, as a table, JSON and a page")
  func weights() throws {
    let logs = try folder.copyLogs()
    let table = try Program.run("view weights snap_iter_20.caffemodel", in: logs)
    #expect(table.status == 0 && table.out.contains("▁") && table.out.hasPrefix("layer"))
    let result = try Program.run("view weights snap_iter_20.caffemodel --json -o w.html", in: logs)
    let json = try #require(
      JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
    let blobs = try #require(json["blobs"] as? [[String: Any]])
    #expect(blobs.count == table.out.split(separator: "\n").count - 1)
    for blob in blobs {
      let counts = (blob["histogram"] as? [String: Any])?["counts"] as? [Int] ?? []
      let size = (blob["shape"] as? [Int] ?? []).reduce(1, *)
      #expect(counts.reduce(0, +) == size)
      let (norm, typical) = (blob["norm"] as? Double ?? -1, blob["rms"] as? Double ?? 0)
      #expect(abs(norm - typical * Double(size).squareRoot()) < 1e-6)
    }
    let page = try String(contentsOf: logs.appending(path: "w.html"), encoding: .utf8)
    #expect(page.components(separatedBy: "<svg").count == 1 + blobs.count)
  }

  @Test("Tiles of filters: zero is grey, colours stay together")
  func tiles() throws {
    let gray = try #require(TilePicture(filters: [0, 1, -1, 0.5], shape: [1, 1, 2, 2]))
    #expect(gray.tiles == 1 && gray.channels == 1)
    #expect(Set(gray.planes).isSuperset(of: [128, 255, 1]))
    #expect(try gray.png().starts(with: [0x89, 0x50, 0x4e, 0x47]))
    let color = try #require(
      TilePicture(filters: (0..<24).map(Float.init), shape: [2, 3, 2, 2]))
    #expect(color.tiles == 2 && color.channels == 3)
    #expect(TilePicture(filters: [1, 2], shape: [2, 1, 1, 1]) == nil)
    let odd = try #require(TilePicture(filters: [.nan, .infinity, 0, 1], shape: [1, 1, 2, 2]))
    #expect(odd.planes.count == odd.width * odd.height)
  }

  @Test("What a net makes of a sample, and what is wrong")
  func activations() throws {
    let logs = try folder.copyLogs()
    let result = try Program.run(
      "view activations net.prototxt --weights snap_iter_20.caffemodel --sample 30 -o a.html",
      in: logs)
    #expect(result.status == 0, "\(result.errors)")
    let page = try String(contentsOf: logs.appending(path: "a.html"), encoding: .utf8)
    #expect(page.contains("ip2") && page.contains("data:image/png"))
    let far = try Program.run(
      "view activations net.prototxt --weights snap_iter_20.caffemodel --sample 999999 -o a.html",
      in: logs)
    #expect(far.status == 64 && far.errors.contains("there is no sample 999999"))
    let blob = try Program.run(
      "view activations net.prototxt --weights snap_iter_20.caffemodel --blobs ip3 -o a.html",
      in: logs)
    #expect(blob.status == 64 && blob.errors.contains("did you mean 'ip"))
  }

  @Test("Filters of the first convolution, or of the one that is named")
  func filters() throws {
    let logs = try folder.copyLogs()
    let result = try Program.run("view filters snap_iter_20.caffemodel -o f.png", in: logs)
    #expect(result.status == 0, "\(result.errors)")
    let file = try Data(contentsOf: logs.appending(path: "f.png"))
    #expect(file.starts(with: [0x89, 0x50, 0x4e, 0x47]))
    let none = try Program.run(
      "view filters snap_iter_20.caffemodel --layer ip1 -o g.png", in: logs)
    #expect(none.status == 65 && none.errors.contains("no layer 'ip1' with filters"))
  }
}

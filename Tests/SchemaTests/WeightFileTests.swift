import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Weight files")
struct WeightFileTests {
  @Test("A mapped file has the layers and values that a full reading finds")
  func sameValues() throws {
    for path in Goldens.paths(".caffemodel") {
      let file = try WeightFile(path: path)
      let net = try WireFormat.decode(try Goldens.bytes(path), as: .net, source: path)
      let layers = net.messages("layer") + net.messages("layers")
      #expect(file.layers.map(\.name) == layers.map { $0.string("name") })
      for (found, expected) in zip(file.layers, layers) {
        #expect(found.tops == expected.strings("top"))
        #expect(found.bottoms == expected.strings("bottom"))
        let blobs = expected.messages("blobs")
        #expect(found.blobs.map { $0.floats() } == blobs.map { $0.floats("data") })
        #expect(found.blobs.map(\.hasDiff) == blobs.map { $0.has("diff") })
        for (blob, message) in zip(found.blobs, blobs) where blob.hasDiff {
          #expect(blob.diffs() == message.floats("diff"))
        }
      }
    }
  }

  @Test("Weights of 2013 and of today are found under the same names and types")
  func oldForm() throws {
    let folder = Goldens.folder.appending(path: "legacy/models")
    let old = try WeightFile(path: folder.appending(path: "v1_4d.caffemodel").path)
    let new = try WeightFile(path: folder.appending(path: "v2.caffemodel").path)
    let newTypes = Dictionary(new.layers.map { ($0.name, $0.type) }) { first, _ in first }
    for layer in old.layers {
      #expect(layer.blobs.allSatisfy { $0.isLegacyShape && $0.shape.count == 4 })
      if let type = newTypes[layer.name] { #expect(layer.type == type) }
    }
    #expect(old.layers.contains { !$0.blobs.isEmpty })
  }

  @Test("Weights that are written are the bytes that Caffe wrote")
  func writesSameBytes() throws {
    for path in Goldens.paths(".caffemodel") where !path.hasSuffix("v1_4d.caffemodel") {
      var net = try WireFormat.decode(try Goldens.bytes(path), as: .net, source: path)
      let memory = Memory()
      let layers = zip(net.messages("layer"), try WeightFile(path: path).layers).map {
        header, layer in
        var header = header
        header.clear("blobs")
        return WeightWriter.Layer(header: header, blobs: layer.blobs.map(memory.source))
      }
      net.clear("layer")
      let copy = Goldens.temporary("weights")
      defer { unlink(copy) }
      try WeightWriter.write(to: copy, net: net, layers: layers)
      #expect(try Goldens.bytes(copy) == Goldens.bytes(path), "\(path)")
    }
  }

  @Test("States that are written are the bytes that Caffe wrote")
  func writesSameState() throws {
    for path in Goldens.paths(".solverstate") {
      let state = try SolverStateFile(path: path)
      #expect(state.iteration == 10 || state.iteration == 20)
      let memory = Memory()
      let copy = Goldens.temporary("state")
      defer { unlink(copy) }
      try SolverStateFile.write(
        to: copy, iteration: state.iteration, learnedNet: state.learnedNet,
        currentStep: state.currentStep, history: state.history.map(memory.source))
      #expect(try Goldens.bytes(copy) == Goldens.bytes(path), "\(path)")
    }
  }

  @Test("A mean image is a single blob of the old shape")
  func mean() throws {
    let path = Goldens.folder.appending(path: "legacy/tools/mean.binaryproto").path
    let mean = try BlobFile(path: path).blob
    #expect(mean.isLegacyShape)
    #expect(mean.shape == [1, 1, 28, 28])
    #expect(mean.floats().allSatisfy { (0...255).contains($0) })
  }

  @Test("A file of hundreds of megabytes opens at once")
  func opensLargeFile() throws {
    let path = Goldens.temporary("large")
    defer { unlink(path) }
    let count = 140_000_000
    var head = WireWriter()
    var dims = WireWriter()
    dims.append(varint: UInt64(count))
    let blobSize = 6 + 4 * count + 4 + dims.bytes.count
    head.append(tag: 100, length: 6 + blobSize)
    head.append(tag: 7, length: blobSize)
    let start = head.bytes.count
    head.append(tag: 5, length: 4 * count)
    var tail = WireWriter()
    tail.append(tag: 7, length: 2 + dims.bytes.count)
    tail.append(tag: 1, length: dims.bytes.count)
    #expect(head.bytes.count - start == 6)
    // The values are a hole in the file, so that it takes no room.
    let file = try #require(fopen(path, "w"))
    head.bytes.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    fseek(file, 4 * count, SEEK_CUR)
    (tail.bytes + dims.bytes).withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    fclose(file)

    // Every read of 64 KiB of a mapped file costs a page fault, and the clock of a busy machine
    // tells nothing: reading it all would be over 8,000.
    let before = Self.pageFaults
    let weights = try WeightFile(path: path)
    #expect(Self.pageFaults - before < 1000)
    #expect(weights.layers.first?.blobs.first?.shape == [count])
  }

  /// How many pages this thread had to wait for until now.
  private static var pageFaults: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(1), &usage)
    return usage.ru_minflt + usage.ru_majflt
  }
}

/// Copies of blobs in memory that lives as long as this object.
private final class Memory {
  private var blocks: [UnsafeMutablePointer<Float>] = []

  func source(of blob: WeightBlob) -> BlobSource {
    let values = block(blob.count)
    blob.copy(into: values)
    var diff: UnsafeMutablePointer<Float>?
    if blob.hasDiff {
      let block = block(blob.count)
      blob.copyDiff(into: block)
      diff = block
    }
    return BlobSource(shape: blob.shape, values: values, diff: diff.map { UnsafePointer($0) })
  }

  private func block(_ count: Int) -> UnsafeMutablePointer<Float> {
    let block = UnsafeMutablePointer<Float>.allocate(capacity: max(1, count))
    blocks.append(block)
    return block
  }

  deinit {
    for block in blocks { block.deallocate() }
  }
}

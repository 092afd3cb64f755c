import Compute
import Layers

/// A segment's blobs as one worker sees them: those that are needed only for a chunk lie in memory of
/// its own, which it moves along with the chunks.
final class ChunkView {
  /// By layer of the segment.
  private(set) var bottoms: [[Blob]] = []
  private(set) var tops: [[Blob]] = []

  private struct Window {
    let blob: Blob
    let offset: Int
    let sampleSize: Int
  }

  private let pool: MemoryPool
  private let plan: MemoryPlan
  private let samples: Int
  private var values: [Window] = []
  private var gradients: [Window] = []
  private var blobs: [ObjectIdentifier: Blob] = [:]
  /// By entry of the plan, the first blob that lies there.
  private var holders: [Int: Blob] = [:]

  init(_ nodes: ArraySlice<Node>, _ plan: MemoryPlan, _ pool: MemoryPool, samples: Int) {
    self.pool = pool
    self.plan = plan
    self.samples = samples
    for node in nodes {
      bottoms.append(node.bottoms.map(blob))
      tops.append(node.tops.map(blob))
    }
    blobs = [:]
    holders = [:]
  }

  /// The blob itself, or one of the same name and shape that lies in the worker's memory.
  private func blob(_ original: Blob) -> Blob {
    let id = ObjectIdentifier(original)
    if let known = blobs[id] { return known }
    let chunkValues = offset(plan.valueEntries[id])
    let chunkGradient = offset(plan.gradientEntries[id])
    guard chunkValues != nil || chunkGradient != nil else {
      blobs[id] = original
      return original
    }
    let blob = Blob(likewise: original)
    let sampleSize = original.count / samples
    if let (entry, offset) = chunkValues {
      if let holder = holders[entry] {
        blob.shareValues(with: holder)
      } else {
        blob.takeApartValues(pool)
        holders[entry] = blob
        values.append(Window(blob: blob, offset: offset, sampleSize: sampleSize))
      }
    }
    if let (entry, offset) = chunkGradient {
      if let holder = holders[entry] {
        blob.shareGradient(with: holder)
      } else {
        blob.takeApartGradient(pool)
        holders[entry] = blob
        gradients.append(Window(blob: blob, offset: offset, sampleSize: sampleSize))
      }
    }
    blobs[id] = blob
    return blob
  }

  private func offset(_ entry: Int?) -> (entry: Int, offset: Int)? {
    guard let entry, case .chunk(_, let offset) = plan.entries[entry].place else { return nil }
    return (entry, offset)
  }

  /// Moves the values' memory to where a chunk begins.
  func moveValues(to sample: Int) {
    for window in values {
      window.blob.placeValues(in: pool, at: window.offset - sample * window.sampleSize)
    }
  }

  /// Moves the gradients' memory to where a chunk begins.
  func moveGradients(to sample: Int) {
    for window in gradients {
      window.blob.placeGradient(in: pool, at: window.offset - sample * window.sampleSize)
    }
  }
}

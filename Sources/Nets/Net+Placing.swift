import Compute
import Layers

extension Net {
  /// Moves all blobs to their places, and returns for each step how its workers see them.
  func place(_ memory: MemoryPlan, _ plan: Plan) -> [[ChunkView]] {
    // The blobs of which only chunks are needed must point somewhere too, though nobody looks there.
    var extent = memory.poolCount
    var chunked: Set<Int> = []
    for entry in memory.entries {
      guard case .chunk(let step, _) = entry.place else { continue }
      extent = max(extent, entry.count)
      chunked.insert(step)
    }
    pool.reserve(extent)
    for pool in chunkPools { pool.reserve(memory.chunkCount) }
    for entry in memory.entries {
      for blob in entry.blobs { place(blob, entry) }
    }
    return plan.steps.indices.map { number in
      guard chunked.contains(number), let segment = plan.steps[number].segment else { return [] }
      return chunkPools.map {
        ChunkView(nodes[segment.nodes], memory, $0, samples: segment.samples)
      }
    }
  }

  private func place(_ blob: Blob, _ entry: MemoryPlan.Entry) {
    let offset: Int
    switch entry.place {
    case .own: return entry.isGradient ? blob.ownGradient() : blob.ownValues()
    case .pool(let place): offset = place
    case .chunk: offset = 0
    }
    if entry.isGradient {
      blob.placeGradient(in: pool, at: offset)
    } else {
      blob.placeValues(in: pool, at: offset)
    }
  }
}

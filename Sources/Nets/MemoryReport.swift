import Compute
import Layers

/// Where the values or the gradient of a blob lie, and when they are needed.
public struct MemoryLine: Sendable, Equatable {
  /// Where memory is taken.
  public enum Place: Sendable, Equatable {
    /// Memory of its own.
    case own
    /// The pool that blobs of all segments share, from this byte on.
    case pool(Int)
    /// Each thread's memory, from this byte on, for so many samples.
    case thread(Int, samples: Int)
  }

  /// A moment of the passes: when a layer runs.
  public struct Time: Sendable, Equatable {
    /// The layer's place in the net.
    public let layer: Int
    /// Whether it runs backward.
    public let isBackward: Bool
  }

  /// The blob that holds them; others may be views of it.
  public let blob: String
  /// Whether they are gradients.
  public let isGradient: Bool
  /// The bytes of the whole batch.
  public let bytes: Int
  /// When they are needed first.
  public let first: Time
  /// When they are needed last.
  public let last: Time
  /// Where they lie.
  public let place: Place
}

extension Net {
  /// Where all blobs lie, in the order in which they are needed first.
  public var memoryLines: [MemoryLine] {
    let plan = Plan(nodes, runsBackward: runsBackward)
    let size = MemoryLayout<Float>.stride
    let entries = makeMemoryPlan(plan).entries.sorted { ($0.first, $0.last) < ($1.first, $1.last) }
    return entries.flatMap { entry in
      let place: MemoryLine.Place =
        switch entry.place {
        case .own: .own
        case .pool(let offset): .pool(offset * size)
        case .chunk(let step, let offset):
          .thread(offset * size, samples: plan.steps[step].segment?.chunk ?? 0)
        }
      return entry.blobs.map { blob in
        MemoryLine(
          blob: blob.name, isGradient: entry.isGradient, bytes: blob.count * size,
          first: time(entry.used.first), last: time(entry.used.last), place: place)
      }
    }
  }

  /// The bytes of the pool, and of each thread's memory.
  public var sharedBytes: (pool: Int, thread: Int) {
    let places = makeMemoryPlan(Plan(nodes, runsBackward: runsBackward))
    let size = MemoryLayout<Float>.stride
    return (places.poolCount * size, places.chunkCount * size)
  }

  private func time(_ time: Int) -> MemoryLine.Time {
    time < nodes.count
      ? .init(layer: time, isBackward: false)
      : .init(layer: 2 * nodes.count - 1 - time, isBackward: true)
  }
}

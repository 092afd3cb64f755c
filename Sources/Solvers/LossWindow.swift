import Schema

/// The mean of the last `average_loss` losses, computed step by step as Caffe does.
struct LossWindow {
  let size: Int
  private(set) var mean: Float = 0
  private var losses: [Float] = []
  private var oldest = 0

  init(size: Int) {
    self.size = size
    losses.reserveCapacity(min(size, 4096))
  }

  mutating func add(_ loss: Float) {
    if losses.count < size {
      losses.append(loss)
      let count = Float(losses.count)
      mean = (mean * (count - 1) + loss) / count
    } else {
      mean += (loss - losses[oldest]) / Float(size)
      losses[oldest] = loss
      oldest = (oldest + 1) % size
    }
  }

  /// Writes the window to a `RunState`.
  func save(to state: inout Message) {
    state.set("smoothed_loss", float: mean)
    state.set("losses", floats: losses)
    state.set("oldest_loss", int: oldest)
  }

  /// Goes on from a `RunState`, if its window is of the same size.
  mutating func restore(from state: Message) {
    let saved = state.floats("losses")
    guard saved.count <= size, saved.count == size || state.int("oldest_loss") == 0,
      (0..<max(1, saved.count)).contains(state.int("oldest_loss"))
    else { return }
    losses = saved
    oldest = state.int("oldest_loss")
    mean = state.float("smoothed_loss")
  }
}

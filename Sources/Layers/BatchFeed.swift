import Compute
import Datasets
import Schema

/// The batches that are read ahead for a layer, and its place among the records.
final class BatchFeed {
  /// The next batch's shapes as they were last told.
  private(set) var shapes: [Shape]

  private let source: any RecordSource
  private let prefetcher: Prefetcher
  private let remark: @Sendable (String) -> Void
  /// The next batch, if its shapes have been told.
  private var pending: Batch?
  /// The names of the records that the tops hold.
  private var names = RecordNames()
  /// The place behind the records that the tops hold.
  private var counters: [UInt64]
  /// What went wrong when a saved place was looked for.
  private var failure: (any Error)?

  /// Makes a feed of a source that is at its start.
  ///
  /// - Parameters:
  ///   - source: What fills the batches.
  ///   - depth: How many batches are read ahead.
  ///   - shapes: The shapes of the first batch.
  ///   - remark: Takes remarks for the user.
  init(
    _ source: any RecordSource, depth: Int, shapes: [Shape],
    remark: @escaping @Sendable (String) -> Void
  ) {
    self.source = source
    self.shapes = shapes
    self.remark = remark
    prefetcher = Prefetcher(source, depth: depth, tops: shapes.count)
    counters = source.startCounters
  }

  /// The shapes of the next batch, which is waited for.
  ///
  /// - Throws: `EndOfData` behind the last, or what went wrong while it was read.
  func nextShapes() throws -> [Shape] {
    if let failure { throw failure }
    if pending == nil {
      pending = try prefetcher.next()
      guard let pending else { throw EndOfData() }
      if !zip(pending.blobs, shapes).allSatisfy({ $0.shape == $1 }) {
        shapes = pending.blobs.map(\.shape)
      }
    }
    return shapes
  }

  /// Hands the next batch to the tops, without copying.
  func forward(_ top: [Blob]) throws {
    if pending == nil { _ = try nextShapes() }
    guard let batch = pending else { throw EndOfData() }
    pending = nil
    for (top, blob) in zip(top, batch.blobs) { top.exchangeValues(with: blob) }
    swap(&names, &batch.names)
    swap(&counters, &batch.counters)
    prefetcher.recycle(batch)
  }

  /// The name of a record that the tops hold.
  func recordName(_ sample: Int) -> String? { source.recordName(names, sample) }

  /// The number of records of one pass.
  var recordCount: Int? { source.count }

  /// Whether each pass has an order of its own.
  var shuffles: Bool { source.shuffles }

  /// Milliseconds that `nextShapes` has waited, in all.
  var waitedMilliseconds: Double { prefetcher.waitedMilliseconds }

  /// Goes through the records once from the first on.
  func beginSinglePass() {
    restart { source in
      source.wraps = false
      source.rewind(drawingFrom: counters)
    }
  }

  /// The place behind the batch that the tops hold; setting it goes there, on to endless rounds.
  var state: LayerState {
    get { LayerState(counters: counters) }
    set {
      counters = newValue.counters
      restart { source in
        source.wraps = true
        if let remark = try source.restore(newValue.counters) { self.remark(remark) }
      }
    }
  }

  /// Stops reading ahead, and lets it begin elsewhere.
  private func restart(_ step: (any RecordSource) throws -> Void) {
    if let pending { prefetcher.recycle(pending) }
    pending = nil
    prefetcher.stop()
    failure = nil
    do {
      try step(source)
    } catch {
      failure = error
    }
  }
}

/// A source layer whose batches are read ahead.
protocol FedLayer: SourceLayer {
  var spec: LayerSpec { get }
  /// What hands batches over; `nil` if the data were not opened.
  var feed: BatchFeed? { get }
  /// The shapes that are assumed if the data were not opened.
  var assumedShapes: [Shape] { get }
}

extension FedLayer {
  func reshape(_ bottoms: [Shape]) throws -> [Shape] { feed?.shapes ?? assumedShapes }

  func nextShapes(_ bottom: [Blob]) throws -> [Shape] { try opened().nextShapes() }

  func forward(_ bottom: [Blob], _ top: [Blob]) throws { try opened().forward(top) }

  func backward(_ top: [Blob], _ bottom: [Blob], pass: BackwardPass) {}

  func recordName(sample: Int) -> String? { feed?.recordName(sample) }

  var recordCount: Int? { feed?.recordCount }

  var waitedMilliseconds: Double { feed?.waitedMilliseconds ?? 0 }

  var shuffles: Bool { feed?.shuffles ?? false }

  func beginSinglePass() { feed?.beginSinglePass() }

  var state: LayerState {
    get { feed?.state ?? LayerState() }
    set { feed?.state = newValue }
  }

  private func opened() throws -> BatchFeed {
    guard let feed else {
      throw spec.error("its data were not opened, so that nothing can be computed")
    }
    return feed
  }
}

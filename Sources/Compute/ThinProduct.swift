import CKernels

/// The products of a batch with a large matrix of weights, and their gradients.
///
///     y = x · Wᵀ + b,   dx = dy · W,   dW = dyᵀ · x
///
/// x is M × K, W is N × K, y is M × N, and M is small: W, of which there is much more than of all else,
/// passes through the cache once forward and once backward. Backward takes a block of W at a time:
/// its share of dx, then its gradient, which the block may follow at once. How work is cut depends on
/// the sizes alone, and each sum has the same order wherever the cuts are.
public struct ThinProduct: Sendable {
  /// M, the items of the batch.
  public let items: Int
  /// N, the rows of W.
  public let outputs: Int
  /// K, the columns of W.
  public let width: Int

  private let panelWidth = Int(nk_panel_width())

  /// Up to so many items, vectors run along the rows of W instead of the batch.
  private static let fewItems = 11
  /// Rows of W that a thread takes at once, forward.
  private static let rowGrain = 96
  /// Columns that stay in the second-level cache, forward, with all items.
  private static let depth = 1024
  /// Rows of a block, backward.
  private static let blockRows = 64
  private static let mostBlockColumns = 512
  /// From so many items on a block's product takes long enough to fetch another block meanwhile.
  private static let fetchingItems = 48

  /// Makes the products of the given sizes.
  public init(items: Int, outputs: Int, width: Int) {
    self.items = items
    self.outputs = outputs
    self.width = width
  }

  private var usesDots: Bool { items <= Self.fewItems }

  /// Items, rounded up to whole panels.
  private var paddedItems: Int { (items + panelWidth - 1) / panelWidth * panelWidth }

  /// Columns of a block, backward: as many as leave threads something to share.
  private var blockColumns: Int {
    var columns = Self.mostBlockColumns
    while columns > panelWidth, columns * 4 > width { columns /= 2 }
    return columns
  }

  /// Floats that the threads share while they compute forward.
  public var sharedCount: Int { usesDots ? 0 : paddedItems * width }

  /// Floats that each thread needs for itself.
  public var scratchCount: Int {
    max(Self.rowGrain * items, BlockScratch(self, blockColumns).count)
  }

  // MARK: Forward

  /// Computes y = x · Wᵀ + b.
  ///
  /// - Parameters:
  ///   - workers: The threads that share the work, each with `scratchCount` floats of scratch.
  ///   - y: Takes the result.
  ///   - x: The items.
  ///   - weights: W.
  ///   - bias: b, if there is one.
  ///   - shared: `sharedCount` floats.
  public func forward(
    _ workers: Workers, _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>,
    _ weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    shared: UnsafeMutablePointer<Float>
  ) {
    if usesDots {
      workers.forEachRange(of: outputs, grain: Self.rowGrain) { rows, _ in
        let start = rows.lowerBound
        nk_dot_product(
          y + start, outputs, x, width, weights + start * width, width, bias.map { $0 + start },
          items, rows.count, width)
      }
      return
    }
    workers.forEachRange(of: width, grain: Self.depth) { columns, _ in
      nk_pack_panels(
        shared + columns.lowerBound * panelWidth, width * panelWidth, x + columns.lowerBound,
        width, 1, columns.count, items)
    }
    workers.forEachRange(of: outputs, grain: Self.rowGrain) { rows, worker in
      let sums = workers.scratch(worker)
      let w = weights + rows.lowerBound * width
      for row in 0..<rows.count {
        nk_fill(sums + row * items, bias.map { $0[rows.lowerBound + row] } ?? 0, items)
      }
      for column in stride(from: 0, to: width, by: Self.depth) {
        nk_panel_product(
          sums, items, sums, items, w + column, width, 0, shared + column * panelWidth,
          width * panelWidth, rows.count, items, min(Self.depth, width - column), nil)
      }
      nk_transpose(y + rows.lowerBound, outputs, sums, items, rows.count, items)
    }
  }

  // MARK: Backward

  /// Where a thread keeps what a block needs.
  private struct BlockScratch {
    /// The columns of x, in panels.
    let items: Int
    /// A block of W, in panels.
    let weights: Int
    /// The rows of dy's transpose.
    let slopes: Int
    /// The gradient of a block.
    let gradient: Int
    let count: Int

    init(_ product: ThinProduct, _ columns: Int) {
      let padded =
        (columns + product.panelWidth - 1) / product.panelWidth * product.panelWidth
      items = 0
      weights = items + product.items * padded
      slopes = weights + ThinProduct.blockRows * padded
      gradient = slopes + (ThinProduct.blockRows * product.items + 15) / 16 * 16
      count = gradient + ThinProduct.blockRows * columns
    }
  }

  /// Computes dx = dy · W, and dW = dyᵀ · x, which W may follow.
  ///
  /// - Parameters:
  ///   - workers: The threads that share the work, each with `scratchCount` floats of scratch.
  ///   - dx: Takes the gradient by the items, if it is wanted.
  ///   - dw: Where the gradient by W goes.
  ///   - dy: The gradient by y.
  ///   - x: The items.
  ///   - weights: W; as it was before the pass for all of dx.
  public func backward(
    _ workers: Workers, dx: UnsafeMutablePointer<Float>?, dw: GradientTarget,
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>
  ) {
    var learns = true
    if case .none = dw { learns = false }
    guard dx != nil || learns else { return }
    let places = BlockScratch(self, blockColumns)
    workers.forEachRange(of: width, grain: blockColumns) { columns, worker in
      let scratch = workers.scratch(worker)
      if learns {
        nk_pack_panels(
          scratch + places.items, items * panelWidth, x + columns.lowerBound, width, 0,
          items, columns.count)
      }
      for row in stride(from: 0, to: outputs, by: Self.blockRows) {
        let block = Block(
          rows: row..<min(outputs, row + Self.blockRows), columns: columns, weights: weights)
        if let dx { propagate(block, dx, dw, dy, scratch + places.weights) }
        if learns { learn(block, dw, dy, scratch, places) }
      }
    }
  }

  /// A part of W that goes through the cache as one.
  private struct Block {
    let rows: Range<Int>
    let columns: Range<Int>
    let weights: UnsafePointer<Float>
  }

  /// The place of a block's first value in W.
  private func start(_ block: Block) -> Int {
    block.rows.lowerBound * width + block.columns.lowerBound
  }

  /// A block of W, or of what lies beside it, to be fetched.
  private func region(_ base: UnsafePointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>)
    -> nk_region
  {
    nk_region(
      at: base + rows.lowerBound * width + columns.lowerBound, stride: width, rows: rows.count,
      columns: columns.count)
  }

  /// What the block of W adds to dx; meanwhile what follows beside it is fetched, or the next block.
  private func propagate(
    _ block: Block, _ dx: UnsafeMutablePointer<Float>, _ dw: GradientTarget,
    _ dy: UnsafePointer<Float>, _ panels: UnsafeMutablePointer<Float>
  ) {
    let rows = block.rows.count
    let columns = block.columns.count
    nk_pack_panels(
      panels, rows * panelWidth, block.weights + start(block), width, 0, rows, columns)
    var ahead = region(block.weights, following(block), block.columns)
    if case .follower(let follower) = dw, let companion = follower.companion {
      ahead = region(companion, block.rows, block.columns)
    }
    fetchAtOnce(&ahead)
    let sums = dx + block.columns.lowerBound
    nk_panel_product(
      sums, width, block.rows.lowerBound > 0 ? UnsafePointer(sums) : nil, width,
      dy + block.rows.lowerBound, outputs, 0, panels, rows * panelWidth, items, columns, rows,
      &ahead)
  }

  /// A product of few items is over before it has fetched much: there it comes all at once.
  private func fetchAtOnce(_ region: inout nk_region) {
    guard items < Self.fetchingItems else { return }
    nk_fetch(&region)
    region.rows = 0
  }

  /// The rows of the block after this one.
  private func following(_ block: Block) -> Range<Int> {
    let end = block.rows.upperBound
    return end..<min(outputs, end + Self.blockRows)
  }

  /// The gradient of the block of W; meanwhile the next block is fetched.
  private func learn(
    _ block: Block, _ dw: GradientTarget, _ dy: UnsafePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>, _ places: BlockScratch
  ) {
    let rows = block.rows.count
    let columns = block.columns.count
    let slopes = scratch + places.slopes
    nk_transpose(slopes, items, dy + block.rows.lowerBound, outputs, items, rows)
    switch dw {
    case .none: break
    case .sum(let sum):
      var ahead = region(sum, following(block), block.columns)
      fetchAtOnce(&ahead)
      let to = sum + start(block)
      nk_panel_product(
        to, width, to, width, slopes, items, 0, scratch + places.items, items * panelWidth, rows,
        columns, items, &ahead)
    case .follower(let follower):
      let gradient = scratch + places.gradient
      var ahead = region(block.weights, following(block), block.columns)
      fetchAtOnce(&ahead)
      nk_panel_product(
        gradient, columns, nil, 0, slopes, items, 0, scratch + places.items, items * panelWidth,
        rows, columns, items, &ahead)
      for row in 0..<rows {
        follower.follow(
          gradient + row * columns, from: start(block) + row * width, count: columns)
      }
    }
  }
}

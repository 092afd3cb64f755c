import CKernels

/// C = start + op(A) · op(B), row-major, of sizes that are known beforehand: op(A) is M × K, op(B) is K × N.
///
/// Cut in tiles of C by the sizes alone, and in blocks of the depth, each tile on one thread: B is laid
/// in panels where it is needed, A is read where it lies. That is faster than `BLAS` where there are
/// many rows; where there are few, laying B out costs too much.
public struct MatrixProduct {
  private let transposeA: Bool
  private let transposeB: Bool
  private let m: Int
  private let n: Int
  private let k: Int
  /// Rows and columns of a tile of C, and the depth of a block.
  private let rows: Int
  private let columns: Int
  private let depth: Int

  /// Rows of a tile of sums in registers, and of A that the second-level cache keeps beside panels.
  private static let tileRows = 6
  private static let cachedRows = 516
  private static let mostRows = 1032
  private static let mostColumns = 640
  private static let mostDepth = 384

  /// The floats of scratch that any product uses at most.
  public static let mostScratch = (mostRows + mostColumns) * mostDepth

  /// Plans a product.
  public init(transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int) {
    (self.transposeA, self.transposeB) = (transposeA, transposeB)
    (self.m, self.n, self.k) = (m, n, k)
    columns = MatrixProduct.side(n, most: MatrixProduct.mostColumns, of: nk_panel_width())
    depth = MatrixProduct.side(k, most: MatrixProduct.mostDepth, of: 1)
    // Where one block is as deep as the product, its panels serve more rows.
    let most = k <= MatrixProduct.mostDepth && !transposeA ? 2064 : MatrixProduct.mostRows
    // A few tiles at least, and powers of two where they are few, so that threads share them evenly.
    let across = (n + columns - 1) / columns
    var pieces = max(1, (m + most - 1) / most)
    while pieces * across < 8, m / pieces >= 512 { pieces *= 2 }
    if pieces > 2, pieces < 16 { pieces = 1 << (Int.bitWidth - (pieces - 1).leadingZeroBitCount) }
    rows = MatrixProduct.side(m, most: (m + pieces - 1) / pieces, of: MatrixProduct.tileRows)
  }

  /// The length of equal pieces of a side, none longer than `most` but for whole steps.
  private static func side(_ length: Int, most: Int, of step: Int) -> Int {
    let pieces = max(1, (length + max(1, most) - 1) / max(1, most))
    let piece = (length + pieces - 1) / pieces
    return max(1, (piece + step - 1) / step * step)
  }

  /// The floats of scratch that `run` uses of each worker.
  public var scratchCount: Int { panelCount + (transposeA ? rows * depth : 0) }

  private var panelCount: Int {
    let width = nk_panel_width()
    return (columns + width - 1) / width * width * depth
  }

  /// Computes the product.
  ///
  /// `start` is what is added to it: C itself, a row for all (with `startStride` 0), or zeros. `perRows`
  /// is called once for each range of rows that tiles share, on the thread of one of them.
  public func run(
    _ workers: Workers, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    start: UnsafePointer<Float>? = nil, startStride: Int = 0, _ c: UnsafeMutablePointer<Float>,
    ldc: Int, perRows: ((Range<Int>) -> Void)? = nil
  ) {
    guard m > 0, n > 0 else { return }
    let across = (n + columns - 1) / columns
    workers.forEach((m + rows - 1) / rows * across) { index, worker in
      let row = index / across * rows
      let column = index % across * columns
      let rows = min(rows, m - row)
      let columns = min(columns, n - column)
      if column == 0 { perRows?(row..<row + rows) }
      let panels = workers.scratch(worker)
      let to = c + row * ldc + column
      var from = start.map { $0 + row * startStride + column }
      var stride = startStride
      var done = 0
      repeat {
        let depth = min(depth, k - done)
        nk_pack_panels(
          panels, depth * nk_panel_width(),
          b + (transposeB ? column * ldb + done : done * ldb + column), ldb,
          transposeB ? 1 : 0, depth, columns)
        var part = a + (transposeA ? done * lda + row : row * lda + done)
        var lda = lda
        if transposeA, lda % 128 == 0 {
          // Rows so far apart would drive each other out of the nearest cache.
          let copy = panels + panelCount
          for line in 0..<depth { nk_copy(copy + line * rows, part + line * lda, rows) }
          (part, lda) = (UnsafePointer(copy), rows)
        }
        let step = transposeA ? 1 : lda
        for first in Swift.stride(from: 0, to: rows, by: MatrixProduct.cachedRows) {
          nk_panel_product(
            to + first * ldc, ldc, from.map { $0 + first * stride }, stride, part + first * step,
            lda, transposeA ? 1 : 0, panels, depth * nk_panel_width(),
            min(MatrixProduct.cachedRows, rows - first), columns, depth, nil)
        }
        (from, stride) = (UnsafePointer(to), ldc)
        done += depth
      } while done < k
    }
  }
}

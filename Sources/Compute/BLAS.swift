internal import COpenBLAS
import Glibc

/// Matrix products by OpenBLAS, each on the thread that asks for it.
public enum BLAS {
  /// C = alpha · op(A) · op(B) + beta · C, row-major; op(A) is M × K, op(B) is K × N.
  ///
  /// `lda`, `ldb` and `ldc` are the distances between rows as stored.
  public static func multiply(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int,
    alpha: Float = 1, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
      transposeB ? CblasTrans : CblasNoTrans, blasint(m), blasint(n), blasint(k), alpha, a,
      blasint(max(1, lda)), b, blasint(max(1, ldb)), beta, c, blasint(max(1, ldc)))
  }

  /// OpenBLAS must not start threads of its own inside ours: results would depend on their number.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// The CPU family whose kernels OpenBLAS has chosen, such as `Cooperlake`.
  public static var coreName: String {
    String(cString: openblas_get_corename())
  }

  /// OpenBLAS's version and build options.
  public static var configuration: String {
    String(cString: openblas_get_config())
  }

  /// The kernels that the environment asks for by `OPENBLAS_CORETYPE`, if it does.
  public static var coreOverride: String? {
    getenv("OPENBLAS_CORETYPE").map { String(cString: $0) }
  }
}

extension BLAS {
  /// The same product shared among workers, in tiles of C that depend on the sizes alone.
  public static func multiply(
    workers: Workers, transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int,
    alpha: Float = 1, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    beta: Float, _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    let tiling = Tiling(m: m, n: n, k: k)
    workers.forEach(tiling.count) { index, _ in
      let (rows, columns) = tiling.tile(index)
      multiply(
        transposeA: transposeA, transposeB: transposeB, m: rows.count, n: columns.count, k: k,
        alpha: alpha, a + (transposeA ? rows.lowerBound : rows.lowerBound * lda), lda: lda,
        b + (transposeB ? columns.lowerBound * ldb : columns.lowerBound), ldb: ldb, beta: beta,
        c + rows.lowerBound * ldc + columns.lowerBound, ldc: ldc)
    }
  }

  /// How C is cut: by the longer side, into pieces worth a thread's while.
  struct Tiling {
    let m: Int
    let n: Int
    let cutsRows: Bool
    let grain: Int
    let count: Int

    /// Multiply-adds that make a tile worth handing to another thread.
    private static let leastWork = 1 << 22
    private static let mostTiles = 16

    init(m: Int, n: Int, k: Int) {
      self.m = m
      self.n = n
      cutsRows = m > n
      let work = m * n * k
      // Every tile packs the other operand anew, so there are few; powers of two share out evenly.
      let most = max(1, min(Tiling.mostTiles, work / Tiling.leastWork))
      let wanted = 1 << (Int.bitWidth - 1 - most.leadingZeroBitCount)
      let side = cutsRows ? m : n
      grain = max(16, ((side + wanted - 1) / wanted + 15) / 16 * 16)
      count = max(1, (side + grain - 1) / grain)
    }

    func tile(_ index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
      let start = index * grain
      return cutsRows
        ? (start..<min(m, start + grain), 0..<n) : (0..<m, start..<min(n, start + grain))
    }
  }
}

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

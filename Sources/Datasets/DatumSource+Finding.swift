internal import Glibc
public import Prototxt

extension DatumSource {
  /// Whether a folder holds an LMDB.
  public static func isLMDB(_ path: String) -> Bool { access("\(path)/data.mdb", F_OK) == 0 }

  /// What to say of a data base that is at none of the paths that were tried.
  public static func missing(_ candidates: [String]) -> Diagnostic {
    var error = Diagnostic.noLMDB(candidates.first ?? "")
    guard error.kind == .missingInput, candidates.count > 1 else { return error }
    error.notes = candidates.map { Note("tried '\($0)'") }
    error.help = error.help ?? candidates.dropFirst().lazy.compactMap(similarName).first
    return error
  }
}

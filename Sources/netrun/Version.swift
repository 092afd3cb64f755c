/// The program's version, as in the change log.
enum Version {
  static let current = "0.1.0"
}

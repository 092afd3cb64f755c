import Glibc
import Prototxt
import Schema

/// Texts that are read and written whole.
enum TextFile {
  /// The bytes of a file, or of a pipe.
  ///
  /// - Throws: why it cannot be read, and what was probably meant.
  static func bytes(_ path: String) throws(Diagnostic) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      guard code == ENOENT || code == ENOTDIR else { throw failure(path, code) }
      let names = FilePath.names(in: FilePath.folder(path))
      let near = closestMatch(to: FilePath.name(path), in: names)
        .map { FilePath.join(FilePath.folder(path), $0) }
      throw .error(
        "there is no such file", path: path, help: near.map { "did you mean '\($0)'?" },
        kind: .missingInput)
    }
    defer { close(descriptor) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, errno) }
      guard count > 0 else { return result }
      result += buffer[..<count]
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> Diagnostic {
    .error("cannot be read: \(String(cString: strerror(code)))", path: path, kind: .inputOutput)
  }
}

/// A file that a command writes a picture or a page to.
struct PictureFile {
  /// What it is to hold.
  enum Kind {
    case svg, html
  }

  let path: String
  let kind: Kind

  /// Reads the kind off the ending.
  ///
  /// - Throws: which endings there are, before work is done in vain.
  init(_ path: String, allowed: [Kind]) throws(Diagnostic) {
    self.path = path
    let ending = path.lastIndex(of: ".").map { path[path.index(after: $0)...].lowercased() } ?? ""
    switch ending {
    case "svg" where allowed.contains(.svg): kind = .svg
    case "html" where allowed.contains(.html), "htm" where allowed.contains(.html): kind = .html
    default:
      let endings = allowed.map { $0 == .svg ? "'.svg'" : "'.html'" }.joined(separator: " or ")
      let isImage = ["png", "jpg", "jpeg", "pdf"].contains(ending) && allowed.contains(.svg)
      throw .error(
        "the picture's name must end in \(endings)", path: path,
        help: isImage
          ? "write an .svg; browsers show it, and 'rsvg-convert' makes it a \(ending)" : nil,
        kind: .usage)
    }
    try requirePlace()
  }

  /// What can be known of the place before the work is known only after it otherwise.
  private func requirePlace() throws(Diagnostic) {
    let folder = path.contains("/") ? FilePath.folder(path) : "."
    var info = stat()
    if stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR {
      throw .error("is a folder, so no file can be written there", path: path, kind: .inputOutput)
    }
    guard access(folder, F_OK) == 0 else {
      throw .error(
        "cannot be written: there is no such folder", path: path,
        help: "create the folder '\(folder)'", kind: .inputOutput)
    }
    guard access(folder, W_OK) == 0 else {
      throw .error(
        "cannot be written: \(String(cString: strerror(errno)))", path: path, kind: .inputOutput)
    }
  }
}

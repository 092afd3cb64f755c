internal import Glibc
internal import Prototxt

/// What the system says about an error number.
func systemText(_ code: Int32) -> String {
  var text = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The names in a folder, without `.` and `..`, in order; empty if it cannot be read.
func folderNames(_ path: String) -> [String] {
  guard let folder = opendir(path) else { return [] }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// The folder that a path is in, and the last part of the path; slashes at the end do not count.
func splitPath(_ path: String) -> (folder: String, name: String) {
  var end = path.endIndex
  while end > path.startIndex, path[path.index(before: end)] == "/" {
    end = path.index(before: end)
  }
  let whole = path[..<end]
  guard let slash = whole.lastIndex(of: "/") else { return (".", String(whole)) }
  let folder = slash == whole.startIndex ? "/" : String(whole[..<slash])
  return (folder, String(whole[whole.index(after: slash)...]))
}

/// The last part of a path in quotes, if there is a name near it that is like it: a question.
func similarName(to path: String) -> String? {
  let (folder, name) = splitPath(path)
  guard let match = closestMatch(to: name, in: folderNames(folder)) else { return nil }
  let prefix = folder == "." && !path.hasPrefix("./") ? "" : folder == "/" ? "/" : "\(folder)/"
  return "did you mean '\(prefix)\(match)'?"
}

import Datasets
import Glibc
import Prototxt

/// The images that a command line names: files, folders of files, and texts with a path on each line.
struct ImageInputs {
  /// The paths, in order.
  private(set) var paths: [String] = []
  /// What is wrong with lists and folders.
  private(set) var problems: [Diagnostic] = []

  /// Finds images.
  ///
  /// - Parameter given: Files and folders; names that end in `.txt` are lists, `-` is a list on the
  ///   standard input.
  init(_ given: [String]) {
    for path in given {
      if path == "-" || path.lowercased().hasSuffix(".txt") {
        addList(path)
      } else if ImageInputs.isFolder(path) {
        let before = paths.count
        addFolder(path, depth: 0)
        if paths.count == before {
          problems.append(
            .error("holds no images", path: path, help: "images end in .png, .jpg or .jpeg"))
        }
      } else {
        paths.append(path)
      }
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  private mutating func addFolder(_ folder: String, depth: Int) {
    for name in FilePath.names(in: folder) where !name.hasPrefix(".") {
      let path = FilePath.join(folder, name)
      if ImageInputs.isFolder(path) {
        // A link may lead back upwards.
        if depth < 16 { addFolder(path, depth: depth + 1) }
      } else if [".png", ".jpg", ".jpeg"].contains(where: name.lowercased().hasSuffix) {
        paths.append(path)
      }
    }
  }

  /// Adds the images of a list; a label behind the path, as in lists to train with, does not count.
  private mutating func addList(_ list: String) {
    let lines: [(number: Int, text: String)]
    do {
      lines = try WholeFile.lines(list)
    } catch {
      problems.append(error)
      return
    }
    if list != "-", DescribedFile(list) != nil {
      problems.append(
        .error("is a net or a solver, not a list of images", path: list, kind: .usage))
      return
    }
    let isText = lines.allSatisfy { _, text in
      text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0xfffd || $0 == "\t" }
    }
    guard isText else {
      problems.append(
        .error(
          "is no text with a path on each line", path: list == "-" ? "standard input" : list,
          help: "an image itself is given by its path"))
      return
    }
    if lines.isEmpty {
      problems.append(.error("names no images", path: list == "-" ? "standard input" : list))
    }
    for (_, text) in lines { paths.append(find(text, list)) }
  }

  private func find(_ text: String, _ list: String) -> String {
    var names = [text]
    if let space = text.lastIndex(of: " "), Int(text[text.index(after: space)...]) != nil {
      names.append(String(text[..<space]))
    }
    let folder = list == "-" ? "" : FilePath.folder(list)
    for name in names {
      for path in [name, FilePath.join(folder, name)] where FilePath.exists(path) { return path }
    }
    return names.last ?? text
  }
}

import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Files that are whole or not there")
struct AtomicFileTests {
  private func withFolder(_ step: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "atomic-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try step(folder)
  }

  private func names(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test("A file is written in small and large pieces")
  func writes() throws {
    try withFolder { folder in
      let path = folder.appending(path: "a").path
      let large = [UInt8](repeating: 7, count: 200_000)
      try AtomicFile.write(to: path) { output throws(Diagnostic) in
        try output.write("text ")
        try output.write(large)
        for byte: UInt8 in 0...255 { try output.write([byte]) }
      }
      #expect(try Goldens.bytes(path) == Array("text ".utf8) + large + Array(0...255))
      #expect(try names(folder) == ["a"])
    }
  }

  @Test("A failure leaves the old file and nothing else")
  func failure() throws {
    try withFolder { folder in
      let path = folder.appending(path: "a").path
      try AtomicFile.write("old", to: path)
      #expect(throws: Diagnostic.self) {
        try AtomicFile.write(to: path) { output throws(Diagnostic) in
          try output.write("new")
          throw Diagnostic.error("stopped")
        }
      }
      #expect(try Goldens.bytes(path) == Array("old".utf8))
      #expect(try names(folder) == ["a"])
    }
  }

  @Test("A link stays a link, a file keeps its rights")
  func links() throws {
    try withFolder { folder in
      let path = folder.appending(path: "a").path
      let link = folder.appending(path: "link").path
      try AtomicFile.write("old", to: path)
      chmod(path, 0o640)
      symlink("a", link)
      try AtomicFile.write("new", to: link)
      #expect(try Goldens.bytes(path) == Array("new".utf8))
      #expect(try names(folder) == ["a", "link"])
      var info = stat()
      #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o640)
    }
  }

  @Test("A folder that is not there, a folder in place of the file, a device")
  func impossible() throws {
    #expect(throws: Diagnostic.self) { try AtomicFile.write("x", to: "/nowhere/a") }
    #expect(throws: Diagnostic.self) { try AtomicFile.write("x", to: "/tmp") }
    try AtomicFile.write("x", to: "/dev/null")
    var info = stat()
    #expect(stat("/dev/null", &info) == 0 && info.st_mode & S_IFMT == S_IFCHR)
    do {
      try AtomicFile.write(to: "/dev/full") { output throws(Diagnostic) in try output.write("x") }
      Issue.record("a full disk must be an error")
    } catch {
      #expect(error.kind == .inputOutput)
      #expect(error.help == "make room on the disk")
    }
  }
}

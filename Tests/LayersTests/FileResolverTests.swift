import Layers
import Testing

@Suite struct FileResolverTests {
  @Test("a path is tried here, then beside the file that names it, then in the folders above")
  func order() {
    let candidates = FileResolver(folder: "models/lenet").candidates("data/x")
    #expect(candidates.starts(with: ["data/x", "models/lenet/data/x", "models/data/x"]))
    #expect(FileResolver(folder: "/a/b").candidates("x") == ["x", "/a/b/x", "/a/x", "/x"])
  }

  @Test("a file of the current folder has folders above it, too", arguments: ["", "."])
  func above(folder: String) {
    let candidates = FileResolver(folder: folder).candidates("data/x")
    #expect(candidates.starts(with: ["data/x", "../data/x"]))
    #expect(Set(candidates).count == candidates.count)
  }

  @Test("a whole path, or one that no file names, is taken as it is")
  func asGiven() {
    #expect(FileResolver(folder: "models").candidates("/data/x") == ["/data/x"])
    #expect(FileResolver().candidates("data/x") == ["data/x"])
  }
}

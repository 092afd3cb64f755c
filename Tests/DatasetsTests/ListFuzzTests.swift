import Foundation
import Prototxt
import Testing

@testable import Datasets

@Suite("Changed lists and images")
struct ListFuzzTests {
  @Test("Changed lists are read or told, but never end the program")
  func lists() throws {
    let windows = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Windows/windows.txt")
    let seeds = [
      Array(try Foundation.Data(contentsOf: windows)),
      Array("a.png 3\nsub dir/b c.png 12\n\nd.jpg -5\r\n".utf8),
    ]
    var random = TestRandom(21)
    var read = 0
    var told = 0
    try DataSupport.withFolder { folder in
      let path = "\(folder)/list.txt"
      for round in 0..<3000 {
        try Pictures.write(FuzzTests.mutated(seeds[round % 2], &random), path)
        let problems = DataSupport.problems {
          if round % 2 == 0 {
            let list = try WindowList(path: path)
            #expect(list.windows.allSatisfy { list.images.indices.contains($0.image) })
          } else {
            let list = try ImageList(path: path)
            for index in 0..<list.count { #expect(!list.nameBytes(index).isEmpty) }
          }
        }
        if problems.isEmpty { read += 1 } else { told += 1 }
        #expect(problems.allSatisfy { $0.path?.hasPrefix(path) == true })
      }
    }
    #expect(read > 300 && told > 300)
  }

  @Test("A list or a data base of changed image files is converted, or its files are told")
  func images() throws {
    let size = ImageSize(channels: 3, height: 9, width: 7)
    let seeds = try ImageFormat.allCases.map { try Pictures.file(1, size, $0) }
    var random = TestRandom(22)
    let loader = ImageLoader(.color, height: 5, width: 4)
    var read = 0
    try DataSupport.withFolder { folder in
      for round in 0..<3000 {
        let path = "\(folder)/image"
        try Pictures.write(FuzzTests.mutated(seeds[round % 2], &random), path)
        do {
          let image = try loader.load(path)
          #expect(image.size == ImageSize(channels: 3, height: 5, width: 4))
          read += 1
        } catch { #expect(error is DatumFault) }
      }
    }
    #expect(read > 100 && read < 3000)
  }
}

import Testing

@testable import Prototxt

@Suite("The closest match")
struct ClosestMatchTests {
  @Test(
    "A slip of the finger finds the word that was meant",
    arguments: [
      ("kernel_sise", "kernel_size"), ("kernelsize", "kernel_size"), ("Kernel_Size", "kernel_size"),
      ("stirde", "stride"), ("pda", "pad"),
    ])
  func finds(word: String, meant: String) {
    #expect(closestMatch(to: word, in: ["pad", "kernel_size", "stride", "group"]) == meant)
  }

  @Test("A word like none of them finds nothing")
  func findsNothing() {
    #expect(closestMatch(to: "momentum", in: ["pad", "kernel_size", "stride"]) == nil)
    #expect(closestMatch(to: "", in: ["pad"]) == nil)
  }
}

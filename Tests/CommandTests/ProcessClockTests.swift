import Testing

@testable import netrun

@Suite("The process's age")
struct ProcessClockTests {
  @Test("The start is found behind a name of any form")
  func start() {
    let numbers = (4...30).map { String($0) }.joined(separator: " ")
    #expect(ProcessClock.startTicks(of: "12 (net) run) (x) S \(numbers)\n") == 22)
    #expect(ProcessClock.startTicks(of: "12 (netrun) S 4 5") == nil)
    #expect(ProcessClock.startTicks(of: "") == nil)
    #expect(ProcessClock.startTicks(of: nil) == nil)
  }

  @Test("This process began a while ago")
  func age() throws {
    #expect(try #require(ProcessClock.seconds) >= 0)
  }
}

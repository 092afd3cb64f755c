import Testing

@testable import netrun

@Suite("Caffe's own command lines")
struct CaffeArgumentsTests {
  @Test(
    "are brought into our form",
    arguments: [
      ("train solver.txt", "train solver.txt"),
      ("train -solver s.prototxt", "train --solver=s.prototxt"),
      ("train --solver s.prototxt", "train --solver=s.prototxt"),
      ("train -solver=s.prototxt", "train --solver=s.prototxt"),
      ("train --solver=s.prototxt", "train --solver=s.prototxt"),
      (
        "train -solver s.prototxt -weights a,b -sigint_effect stop",
        "train --solver=s.prototxt --weights=a,b --sigint-effect=stop"
      ),
      (
        "train --solver=s -snapshot s.solverstate -sighup_effect=none",
        "train --solver=s --snapshot=s.solverstate --sighup-effect=none"
      ),
      ("train -solver s -level -1 -stage a,b", "train --solver=s --level=-1 --stage=a,b"),
      ("-solver s train", "train --solver=s"),
      ("--model=m test --iterations 3", "test --model=m --iterations=3"),
      (
        "test -model m -weights w -iterations 100",
        "test --model=m --weights=w --iterations=100"
      ),
      ("time -model m -iterations 50 -phase TEST", "time --model=m --iterations=50 --phase=TEST"),
      ("device_query", "device-query"),
      ("device_query -gpu 0", "device-query"),
      ("-version", "--version"),
      ("-help", "--help"),
      ("train -h", "train -h"),
      ("train s.txt --threads 2 --log caffe", "train s.txt --threads=2 --log=caffe"),
      ("train s.txt -threads 2", "train s.txt --threads=2"),
      ("train s.txt --allow_nonfinite", "train s.txt --allow-nonfinite"),
      ("train s.txt --unknown x", "train s.txt --unknown x"),
      ("time m.txt -x", "time m.txt -x"),
      ("train -- -solver", "train -- -solver"),
      ("train --solver --level 1", "train --solver --level=1"),
      ("train --solver", "train --solver"),
      ("train -", "train -"),
      ("train train", "train train"),
      ("convert mnist a b c --force", "convert mnist a b c --force"),
      ("layers Convolution", "layers Convolution"),
      ("", ""),
    ])
  func forms(given: String, wanted: String) {
    let adapted = CaffeArguments(given.split(separator: " ").map(String.init))
    #expect(adapted.arguments.joined(separator: " ") == wanted)
    #expect(given.contains("gpu") || adapted.notes.isEmpty)
  }

  @Test(
    "may ask for what has no effect, and are told",
    arguments: [
      ("train -solver s -gpu 0", "train --solver=s", "no GPU support, so '-gpu 0'"),
      ("test -model m -gpu all", "test --model=m", "no GPU support, so '-gpu all'"),
      ("time --gpu=0,1 --model=m", "time --model=m", "no GPU support, so '--gpu=0,1'"),
      (
        "train -solver s -iterations 5", "train --solver=s",
        "'-iterations 5' has no meaning for 'train'"
      ),
      ("test -model m -phase TRAIN", "test --model=m", "'-phase TRAIN' has no meaning for 'test'"),
      ("train -logtostderr -solver s", "train --solver=s", "'-logtostderr' is an option of"),
      ("train -log_dir /tmp s", "train s", "'-log_dir /tmp' is an option of"),
      ("train --nologtostderr s", "train s", "'--nologtostderr' is an option of"),
      ("train -minloglevel=2 s", "train s", "'-minloglevel=2' is an option of"),
    ])
  func ignored(given: String, wanted: String, note: String) {
    let adapted = CaffeArguments(given.split(separator: " ").map(String.init))
    #expect(adapted.arguments.joined(separator: " ") == wanted)
    #expect(adapted.notes.count == 1)
    #expect(adapted.notes.first?.contains(note) == true)
  }

  @Test("keep values with spaces, equals signs and nothing in them")
  func values() {
    #expect(
      CaffeArguments(["train", "-solver", "my solver=1.txt", "--stage="]).arguments
        == ["train", "--solver=my solver=1.txt", "--stage="])
  }
}

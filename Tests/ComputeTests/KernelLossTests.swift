import CKernels
import Testing

/// The kernels of losses and of recurrent layers: each equals its plain loop.
@Suite("Kernels of losses and recurrence")
struct KernelLossTests {
  @Test(
    "the logistic loss equals its plain loop", arguments: awkwardSizes, [nil, 0, 1] as [Int32?])
  func sigmoidLoss(count: Int, ignored: Int32?) {
    var values = TestValues(seed: 6)
    var x = values.array(count, in: -12...12)
    x[0] = 100
    let targets = values.array(count, in: -0.5...1.5)
    var (counted, wantedCount) = (0, 0)
    var (dx, wantedDx) = (x, x)
    func run(_ label: UnsafePointer<Int32>?) {
      let got = nk_sigmoid_loss_forward(x, targets, label, count, &counted)
      let wanted = nk_sigmoid_loss_forward_reference(x, targets, label, count, &wantedCount)
      #expect(abs(got - wanted) <= 1e-6 * (abs(wanted) + Double(count)))
      #expect(counted == wantedCount)
      nk_sigmoid_loss_backward(&dx, x, targets, label, 0.5, count)
      nk_sigmoid_loss_backward_reference(&wantedDx, x, targets, label, 0.5, count)
      expectClose(dx, wantedDx, "dx")
    }
    if let ignored { withUnsafePointer(to: ignored) { run($0) } } else { run(nil) }
  }

  @Test("targets that are no numbers are never taken for the ignored one")
  func targetsBeyond() {
    let targets: [Float] = [.nan, .infinity, -.infinity, 3e9, 0]
    let x = [Float](repeating: 1, count: 5)
    var counted = 0
    withUnsafePointer(to: Int32(0)) {
      _ = nk_sigmoid_loss_forward(x, targets, $0, 5, &counted)
    }
    #expect(counted == 4)
  }

  @Test("the hinge loss equals its plain loop", arguments: awkwardSizes, [0, 1] as [Int32])
  func hingeLoss(classes: Int, squared: Int32) {
    var values = TestValues(seed: 7)
    let items = 5
    let x = values.array(items * classes, in: -3...3)
    let labels = (0..<items).map { Float(($0 * 7 + classes - 1) % classes) }
    var (bad, wantedBad) = (0, 0)
    let got = nk_hinge_loss_forward(x, labels, squared, items, classes, &bad)
    let wanted = nk_hinge_loss_forward_reference(x, labels, squared, items, classes, &wantedBad)
    #expect(abs(got - wanted) <= 1e-5 * abs(wanted))
    #expect(bad == -1 && wantedBad == -1)
    var dx = x
    nk_hinge_loss_backward(&dx, x, labels, squared, 0.5, items, classes)
    for index in x.indices {
      let sign: Float = index % classes == Int(labels[index / classes]) ? -1 : 1
      let margin = max(0, 1 + sign * x[index])
      let slope = squared == 1 ? 2 * margin : (margin > 0 ? 1 : 0)
      #expect(abs(dx[index] - 0.5 * sign * slope) < 1e-5)
    }
  }

  @Test("labels that name no class are found", arguments: [Float.nan, -1, 3, 1e20])
  func badLabels(label: Float) {
    let x = [Float](repeating: 0.5, count: 9)
    let labels: [Float] = [0, label, label]
    var (bad, counted) = (0, 0)
    _ = nk_hinge_loss_forward(x, labels, 0, 3, 3, &bad)
    #expect(bad == 1)
    _ = nk_multinomial_loss_forward(x, labels, 3, 3, &bad)
    #expect(bad == 1)
    _ = nk_infogain_loss_forward(x, labels, x, nil, 3, 3, 1, &counted, &bad)
    #expect(bad == 1)
  }

  @Test("the information gain loss equals its plain loop", arguments: [1, 3, 17, 1030])
  func infogainLoss(inner: Int) {
    var values = TestValues(seed: 8)
    let (outer, classes) = (3, 4)
    let y = values.array(outer * classes * inner, in: 0...1)
    let labels = (0..<outer * inner).map { Float(($0 * 5 + $0 / 3) % classes) }
    let h = values.array(classes * classes)
    let rowSums = (0..<classes).map { row in h[row * 4..<row * 4 + 4].reduce(0, +) }
    var (counted, wantedCount, bad, wantedBad) = (0, 0, 0, 0)
    withUnsafePointer(to: Int32(2)) { ignored in
      let got = nk_infogain_loss_forward(
        y, labels, h, ignored, outer, classes, inner, &counted, &bad)
      let wanted = nk_infogain_loss_forward_reference(
        y, labels, h, ignored, outer, classes, inner, &wantedCount, &wantedBad)
      #expect(abs(got - wanted) <= 1e-5 * Double(outer * inner))
      #expect(counted == wantedCount && bad == -1 && wantedBad == -1)
      var dx = y
      nk_infogain_loss_backward(&dx, y, labels, h, rowSums, ignored, 0.5, outer, classes, inner)
      for index in dx.indices {
        let place = index / (classes * inner) * inner + index % inner
        let (row, c) = (Int(labels[place]), index / inner % classes)
        let wanted = row == 2 ? 0 : 0.5 * (y[index] * rowSums[row] - h[row * classes + c])
        #expect(abs(dx[index] - wanted) < 1e-5)
      }
    }
  }

  @Test("a step of an LSTM equals its plain loop", arguments: awkwardSizes, [0, 0.5, 1] as [Float])
  func lstmStep(count: Int, cont: Float) {
    var values = TestValues(seed: 9)
    let x = values.array(4 * count, in: -3...3)
    let before = values.array(count, in: -2...2)
    var (c, h, gates) = (before, before, x)
    var (wantedC, wantedH, wantedGates) = (before, before, x)
    inPlace(&gates) { nk_lstm_step_forward(&c, &h, $0, $0, before, cont, count) }
    nk_lstm_step_forward_reference(&wantedC, &wantedH, &wantedGates, x, before, cont, count)
    expectClose(c, wantedC, "c")
    expectClose(h, wantedH, "h")
    expectClose(gates, wantedGates, "gates")
    let (dc, dh) = (values.array(count), values.array(count))
    var (dBefore, dx, wantedBefore, wantedDx) = (dc, x, dc, x)
    inPlace(&dBefore) {
      nk_lstm_step_backward($0, &dx, $0, dh, c, before, gates, count)
    }
    nk_lstm_step_backward_reference(&wantedBefore, &wantedDx, dc, dh, c, before, gates, count)
    expectClose(dBefore, wantedBefore, "dc")
    expectClose(dx, wantedDx, "dx")
  }
}

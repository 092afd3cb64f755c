import CKernels
import Testing

@Suite("Kernels of products with panels")
struct KernelPanelTests {
  /// Rows, columns and depth around the sizes of tiles and panels.
  private static let sizes: [(Int, Int, Int)] = [
    (1, 1, 1), (6, 64, 64), (7, 65, 3), (5, 15, 17), (13, 130, 9), (2, 31, 40), (12, 48, 33),
    (64, 100, 20), (3, 8, 129), (7, 70, 0),
  ]

  private func distance(_ width: Int) -> Int { width + 5 }

  @Test("A product equals the plain loops, alone and added to what is there", arguments: sizes)
  func product(_ rows: Int, _ columns: Int, _ depth: Int) {
    var values = TestValues(seed: 3)
    let a = values.array(rows * distance(depth))
    let b = values.array(depth * distance(columns))
    let before = values.array(rows * distance(columns))
    let stride = depth * nk_panel_width() + 3
    let count = (columns + nk_panel_width() - 1) / nk_panel_width()
    var panels = [Float](repeating: .nan, count: count * stride)
    nk_pack_panels(&panels, stride, b, distance(columns), 0, depth, columns)
    #expect(panels.filter(\.isNaN).count == 3 * count)
    for adds in [false, true] {
      var got = before
      b.withUnsafeBufferPointer { soon in
        guard let base = soon.baseAddress else { return }
        var next = nk_region(at: base, stride: distance(columns), rows: depth, columns: columns)
        nk_panel_product(
          &got, distance(columns), adds ? before : nil, distance(columns), a, distance(depth), 0,
          panels, stride, rows, columns, depth, &next)
      }
      var wanted = before
      nk_panel_product_reference(
        &wanted, distance(columns), adds ? before : nil, distance(columns), a, distance(depth), 0,
        b, distance(columns), rows, columns, depth)
      expectClose(got, wanted, absolute: 1e-5, "adds \(adds):")
      let product = plain(a, b, rows, columns, depth)
      for m in 0..<rows {
        for n in 0..<columns {
          let place = m * distance(columns) + n
          let sum = (adds ? before[place] : 0) + product[m * columns + n]
          #expect(abs(wanted[place] - sum) < 1e-4)
        }
      }
    }
  }

  private func plain(_ a: [Float], _ b: [Float], _ rows: Int, _ columns: Int, _ depth: Int)
    -> [Float]
  {
    (0..<rows * columns).map { place in
      (0..<depth).reduce(0) { sum, d in
        sum + a[place / columns * distance(depth) + d] * b[d * distance(columns) + place % columns]
      }
    }
  }

  @Test("Each value has the same bits, whatever rows and columns a call takes")
  func cuts() {
    let (rows, columns, depth) = (17, 150, 70)
    var values = TestValues(seed: 4)
    let a = values.array(rows * depth)
    let b = values.array(depth * columns)
    let width = nk_panel_width()
    var panels = [Float](repeating: 0, count: (columns / width + 1) * width * depth)
    nk_pack_panels(&panels, depth * width, b, columns, 0, depth, columns)
    var whole = [Float](repeating: 0, count: rows * columns)
    nk_panel_product(
      &whole, columns, nil, 0, a, depth, 0, panels, depth * width, rows, columns, depth, nil)
    var single = whole.map { _ in Float(0) }
    inPlace(&single) { c in
      for m in 0..<rows {
        for n in stride(from: 0, to: columns, by: width) {
          panels.withUnsafeBufferPointer { panels in
            guard let base = panels.baseAddress else { return }
            a.withUnsafeBufferPointer { a in
              guard let row = a.baseAddress else { return }
              nk_panel_product(
                c + m * columns + n, columns, nil, 0, row + m * depth, depth, 0,
                base + n * depth, 0, 1, min(width, columns - n), depth, nil)
            }
          }
        }
      }
    }
    #expect(single == whole)
  }

  @Test("Panels of a matrix that is stored the other way round are the same", arguments: sizes)
  func transposed(_ rows: Int, _ columns: Int, _ depth: Int) {
    var values = TestValues(seed: 5)
    let b = values.array(depth * columns)
    let turned = (0..<columns * depth).map { b[$0 % depth * columns + $0 / depth] }
    let stride = depth * nk_panel_width()
    let count = (columns + nk_panel_width() - 1) / nk_panel_width()
    var panels = [Float](repeating: .nan, count: count * stride)
    var others = panels
    nk_pack_panels(&panels, stride, b, columns, 0, depth, columns)
    nk_pack_panels(&others, stride, turned, depth, 1, depth, columns)
    #expect(panels == others)
  }

  @Test("Dots of few rows with many equal the plain loops")
  func dots() {
    for items in 1...9 {
      for (outputs, width) in [(1, 1), (4, 16), (7, 40), (9, 129), (3, 7)] {
        var values = TestValues(seed: UInt64(items * 100 + width))
        let x = values.array(items * distance(width))
        let w = values.array(outputs * distance(width))
        let bias = values.array(outputs)
        let start = values.array(items * distance(outputs))
        for bias in [nil, bias] {
          var got = start
          var wanted = start
          nk_dot_product(
            &got, distance(outputs), x, distance(width), w, distance(width), bias, items, outputs,
            width)
          nk_dot_product_reference(
            &wanted, distance(outputs), x, distance(width), w, distance(width), bias, items,
            outputs, width)
          expectClose(got, wanted, absolute: 1e-5, "\(items) × \(outputs) × \(width):")
        }
      }
    }
  }

  @Test("What is not finite is found wherever it is", arguments: awkwardSizes)
  func finite(_ count: Int) {
    var values = TestValues(seed: 6)
    var x = values.array(count)
    #expect(nk_all_finite(x, count) == 1)
    x[count / 2] = .greatestFiniteMagnitude
    #expect(nk_all_finite(x, count) == 1)
    for bad in [Float.infinity, -.infinity, .nan] {
      for place in [0, count / 2, count - 1] {
        var damaged = x
        damaged[place] = bad
        #expect(nk_all_finite(damaged, count) == 0)
      }
    }
    #expect(nk_all_finite(x, 0) == 1)
  }
}

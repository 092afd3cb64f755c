import Datasets
import Pictures

/// Shows an evaluation on a page.
struct EvaluationPage {
  let evaluation: Evaluation
  let names: ClassNames?
  /// What the weights are called, and those they are compared with.
  let weights: String
  var earlierWeights = ""

  /// Adds all parts to a page.
  func add(to page: inout Page) {
    page.tiles(tiles)
    if let earlier = evaluation.earlier { addComparison(earlier, &page) }
    addConfusions(&page)
    page.section("Classes")
    page.table(columns, evaluation.classes.indices.map(row))
    if !evaluation.worst.isEmpty {
      page.section("Wrong answers")
      page.paragraph(
        "The \(evaluation.worst.count) samples whose truth seemed least likely, out of "
          + "\(Numbers.count(evaluation.count - evaluation.firsts, "wrong answer")).")
      page.gallery(evaluation.worst.map(card))
    }
  }

  private var tiles: [(value: String, name: String)] {
    var tiles = [(Numbers.percent(evaluation.accuracy), "accuracy")]
    if let five = evaluation.accuracy5 { tiles.append((Numbers.percent(five), "among the best 5")) }
    tiles += [
      (Numbers.short(evaluation.loss), "−log probability, mean"),
      (Numbers.grouped(evaluation.count), "samples"),
      (Numbers.grouped(evaluation.count - evaluation.firsts), "wrong answers"),
      (Numbers.grouped(evaluation.classes.count), "classes"),
    ]
    return tiles
  }

  // MARK: Confusions

  private func addConfusions(_ page: inout Page) {
    page.section("What is taken for what")
    guard evaluation.count > 0 else {
      return page.paragraph("No sample has a label that counts.")
    }
    if evaluation.unanswered > 0 {
      page.paragraph(
        "\(Numbers.count(evaluation.unanswered, "sample")) got no answer: a score is not a number.")
    }
    let count = evaluation.classes.count
    if count <= 200 {
      page.wide(
        HeatMap(
          title: "Truth and answer", names: (0..<count).map(name), counts: evaluation.matrix
        ).drawn())
    }
    let pairs = evaluation.pairs.prefix(12)
    guard !pairs.isEmpty else {
      if evaluation.unanswered == 0 { page.paragraph("Every answer was right.") }
      return
    }
    page.heading("Most frequent mistakes")
    page.table(
      [
        .init("truth"), .init("answer"), .init("samples", isNumber: true),
        .init("of the class", isNumber: true),
      ],
      pairs.map { pair in
        [
          name(pair.truth), name(pair.answer), Numbers.grouped(pair.count),
          Numbers.percent(
            Double(pair.count) / Double(max(1, evaluation.classes[pair.truth].support)), 1),
        ]
      })
  }

  // MARK: Classes

  private var columns: [Page.Column] {
    let plain = [Page.Column("class")]
    let numbers = ["samples", "precision", "recall", "F1"]
    let more = evaluation.earlier == nil ? [] : ["F1 of \(earlierWeights)", "change"]
    return plain + (numbers + more).map { Page.Column($0, isNumber: true) }
  }

  private func row(_ number: Int) -> [String] {
    let score = evaluation.classes[number]
    var cells = [
      name(number), Numbers.grouped(score.support), percent(score.precision),
      percent(score.recall), percent(score.f1),
    ]
    if let earlier = evaluation.earlier {
      let before = earlier.classes.indices.contains(number) ? earlier.classes[number].f1 : nil
      cells.append(percent(before))
      let change = score.f1.flatMap { now in before.map { now - $0 } }
      cells.append(change.map { ($0 > 0 ? "+" : "") + Numbers.fixed(100 * $0, 2) } ?? "–")
    }
    return cells
  }

  private func percent(_ share: Double?) -> String { share.map { Numbers.percent($0) } ?? "–" }

  // MARK: Two snapshots

  private func addComparison(_ earlier: Evaluation, _ page: inout Page) {
    page.section("Compared with \(earlierWeights)")
    func row(_ title: String, _ a: Double, _ b: Double, _ text: (Double) -> String) -> [String] {
      [title, text(a), text(b), (b > a ? "+" : "") + text(b - a)]
    }
    var rows = [
      row("accuracy", earlier.accuracy, evaluation.accuracy) { Numbers.percent($0) }
    ]
    if let a = earlier.accuracy5, let b = evaluation.accuracy5 {
      rows.append(row("among the best 5", a, b) { Numbers.percent($0) })
    }
    rows.append(row("−log probability", earlier.loss, evaluation.loss) { Numbers.fixed($0, 4) })
    page.table(
      [
        .init(""), .init(earlierWeights, isNumber: true), .init(weights, isNumber: true),
        .init("change", isNumber: true),
      ], rows)
    page.paragraph(
      "\(Numbers.count(evaluation.changedCount, "answer")) changed: "
        + "\(Numbers.grouped(evaluation.mendedCount)) wrong before and right now, "
        + "\(Numbers.grouped(evaluation.brokenCount)) right before and wrong now.")
    if !evaluation.broken.isEmpty {
      page.heading("Right before, wrong now")
      page.gallery(evaluation.broken.map(card))
    }
    if !evaluation.mended.isEmpty {
      page.heading("Wrong before, right now")
      page.gallery(evaluation.mended.map(card))
    }
  }

  private func card(_ sample: Evaluation.Sample) -> Page.Card {
    var lines = ["\(name(sample.truth)) → \(name(sample.answer))"]
    if let earlier = sample.earlier {
      lines = ["\(name(sample.truth)): first \(name(earlier.answer)), now \(name(sample.answer))"]
    }
    if sample.answer == sample.truth {
      lines.append("right with \(Numbers.percent(Double(sample.probability), 1))")
    } else {
      lines.append(
        "answer \(Numbers.percent(Double(sample.probability), 1)), "
          + "truth \(Numbers.percent(Double(sample.truthProbability), 1))")
    }
    if let earlier = sample.earlier {
      let before = Numbers.percent(Double(earlier.truthProbability), 1)
      lines.append("before, truth \(before)")
    }
    lines.append(sample.key)
    return Page.Card(image: sample.picture, lines: lines)
  }

  private func name(_ number: Int) -> String {
    if number == Evaluation.none { return "none" }
    let name = names?[Int32(number)] ?? ""
    return name.isEmpty ? String(number) : name
  }
}

extension Evaluation {
  /// A sentence about what changed, for the terminal.
  func comparison(with name: String) -> String? {
    guard let earlier else { return nil }
    return "against \(name): accuracy \(Numbers.percent(earlier.accuracy)) there; "
      + "\(Numbers.count(changedCount, "answer")) changed, "
      + "\(Numbers.grouped(mendedCount)) for the better, \(Numbers.grouped(brokenCount)) for the worse"
  }

  /// The numbers of the page.
  func json(_ names: ClassNames?) -> JSON {
    func share(_ value: Double?) -> JSON? { value.map { .double(Evaluation.rounded($0)) } }
    let classes = classes.enumerated().map { number, score in
      let name = names?[Int32(number)] ?? ""
      return JSON.members([
        "class": .int(number), "name": name.isEmpty ? nil : .string(name),
        "support": .int(score.support), "precision": share(score.precision),
        "recall": share(score.recall), "f1": share(score.f1),
      ])
    }
    let worst = worst.map { sample in
      JSON.members([
        "key": .string(sample.key), "number": .int(sample.number), "truth": .int(sample.truth),
        "answer": .int(sample.answer),
        "probability": .double(Evaluation.rounded(Double(sample.probability))),
        "truth_probability": .double(Evaluation.rounded(Double(sample.truthProbability))),
      ])
    }
    let pairs = pairs.prefix(1000).map { pair in
      JSON.members([
        "truth": .int(pair.truth), "answer": .int(pair.answer), "count": .int(pair.count),
      ])
    }
    return .members([
      "samples": .int(count), "unanswered": .int(unanswered), "accuracy": share(accuracy),
      "accuracy_top5": share(accuracy5),
      "log_loss": share(loss), "classes": .array(classes), "mistakes": .array(pairs),
      "worst": .array(worst),
      "against": earlier.map { earlier in
        .members([
          "accuracy": share(earlier.accuracy), "accuracy_top5": share(earlier.accuracy5),
          "log_loss": share(earlier.loss), "changed": .int(changedCount),
          "mended": .int(mendedCount), "broken": .int(brokenCount),
        ])
      },
    ])
  }

  private static func rounded(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
}

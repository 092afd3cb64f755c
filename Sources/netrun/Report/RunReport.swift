import Datasets
import Glibc
import Layers
import Nets
import Pictures
import Prototxt
import Schema
import Solvers

/// Puts all that is known of a run on one page; what cannot be had is said there.
struct RunReport {
  let files: RunFiles
  let names: ClassNames?
  let state: StateOptions
  let iterations: Int?
  let console: Console

  /// The page.
  ///
  /// - Throws: what is wrong with the net itself.
  func page(title: String?) throws -> Page {
    var drawing = NetDrawing(path: files.model, phase: nil)
    drawing.level = state.level ?? 0
    drawing.stages = state.stages
    let description = try NetDescription.load(files.model).net
    let name = description.string("name")
    var page = Page(title: title ?? (name.isEmpty ? FilePath.name(files.model) : name))
    page.paragraph(
      [files.solver, files.model, files.weights].compactMap { $0 }.joined(separator: " · "))
    addCurves(&page)
    addTest(&page)
    addNet(drawing, &page)
    addData(description, &page)
    addWeights(&page)
    if let solver = files.solver, let bytes = try? TextFile.bytes(solver) {
      page.section("Solver")
      page.code(String(decoding: bytes, as: UTF8.self))
    }
    return page
  }

  private func addCurves(_ page: inout Page) {
    page.section("Training")
    guard let path = files.metrics else {
      return page.paragraph("There are no metrics of this run beside its snapshots.")
    }
    do {
      let charts = RunCharts([("run", try RunLog(path: path))])
      page.pictures(charts.pictures(width: 520))
    } catch { explain(error, &page) }
  }

  /// Runs the test data through the net, if both the data and weights are here.
  private func addTest(_ page: inout Page) {
    page.section("Test")
    guard let weights = files.weights else {
      return page.paragraph("There are no weights to test.")
    }
    let (level, stages) = (state.level ?? 0, state.stages)
    guard let blobs = ScoreBlobs.find(path: files.model, level: level, stages: stages) else {
      return page.paragraph("No layer of the test phase compares scores of classes with labels.")
    }
    do {
      var loading = NetLoading(
        path: files.model, phase: .test, level: level, stages: stages, threads: state.threads)
      loading.keeps = [blobs.scores, blobs.labels]
      let net = try loading.build("report", console)
      guard iterations != nil || !net.sources.isEmpty else {
        return page.paragraph("The test phase has no data layer with a last record.")
      }
      WeightNotes.lines(try net.loadWeights(path: weights)).forEach(console.remark)
      let evaluation = Evaluation(blobs)
      _ = try TestRun.run(net, iterations: iterations) { _, _ in evaluation.add(net) }
      EvaluationPage(evaluation: evaluation, names: names, weights: FilePath.name(weights))
        .add(to: &page)
    } catch { explain(error, &page) }
  }

  private func addNet(_ drawing: NetDrawing, _ page: inout Page) {
    page.section("Net")
    do {
      let drawn = try drawing.draw(console)
      page.wide(drawn.picture)
      guard let net = drawn.nets.first else { return }
      page.section("Layers")
      let table = LayerTable(net)
      page.table(
        [
          .init("layer"), .init("type"), .init("output"), .init("parameters", isNumber: true),
          .init("MFLOP/image", isNumber: true),
        ],
        table.lines.map { line in
          [
            line.name, line.type, line.output,
            line.isShared
              ? "shared" : line.parameters > 0 ? Numbers.grouped(line.parameters) : "–",
            line.megaflops >= 0.005 ? Numbers.fixed(line.megaflops, 2) : "–",
          ]
        } + [
          [
            "total", Numbers.count(table.lines.count, "layer"), "",
            Numbers.grouped(table.parameters), Numbers.fixed(table.megaflops, 2),
          ]
        ])
    } catch { explain(error, &page) }
  }

  private func addData(_ description: Message, _ page: inout Page) {
    var rows: [[String]] = []
    for phase in [Phase.train, .test] {
      var now = NetState(phase: phase, level: state.level ?? 0, stages: state.stages)
      now.stages += description.message("state").strings("stage")
      for layer in description.messages("layer").filter(now.includes) {
        guard LayerCatalog.type(named: layer.string("type")) is any SourceLayer.Type else {
          continue
        }
        rows.append(row(layer, phase))
      }
    }
    guard !rows.isEmpty else { return }
    page.section("Data")
    page.table(
      [
        .init("phase"), .init("layer"), .init("type"), .init("source"),
        .init("records", isNumber: true), .init("batch", isNumber: true),
      ], rows)
  }

  private func row(_ layer: Message, _ phase: Phase) -> [String] {
    let field = layer.setFields.first { name in
      name.hasSuffix("_param") && layer.type.field(named: name)?.isRepeated == false
        && name != "transform_param" && name != "include"
        && layer.message(name).setFields.contains { $0 == "source" || $0 == "batch_size" }
    }
    let given = field.map(layer.message)
    let isSet = { (name: String) in given?.has(name) == true }
    let source = isSet("source") ? given?.string("source") ?? "" : ""
    let path = FilePath.find(source, near: files.model)
    let records = path.flatMap { try? Database(path: $0) }?.count
    return [
      phase.rawValue, layer.string("name"), layer.string("type"), source,
      records.map(Numbers.grouped) ?? "–",
      isSet("batch_size") ? String(given?.int("batch_size") ?? 0) : "–",
    ]
  }

  private func addWeights(_ page: inout Page) {
    guard let path = files.weights else { return }
    page.section("Weights")
    do {
      let file = try WeightFile(path: path)
      if let (layer, picture) = try? TilePicture.layer(nil, in: file) {
        page.heading("Filters of \(layer.name)")
        let (width, height) = (Double(picture.width), Double(picture.height))
        var svg = SVG(width: width, height: height, label: "Filters of \(layer.name)")
        svg.image(0, 0, width, height, address: DataAddress.png(try picture.png()))
        page.wide(svg)
      }
      let spreads = WeightSpread.all(in: file)
      page.heading("Norms")
      page.table(WeightSpread.columns, spreads.map(\.cells))
      // Biases say little, and large nets have many layers.
      let shown = spreads.filter { $0.blob == 0 && $0.count > 1 }.prefix(24)
      page.heading("How often values occur")
      page.pictures(shown.map { $0.chart() })
    } catch { explain(error, &page) }
  }

  /// Says on the page, and on the terminal, why a part is missing.
  private func explain(_ error: any Error, _ page: inout Page) {
    let all = (error as? Diagnostics)?.all ?? (error as? Diagnostic).map { [$0] } ?? []
    let text = all.map(\.message).joined(separator: "; ")
    page.paragraph("This part is missing: \(text.isEmpty ? "\(error)" : text).")
    console.remark("the report lacks a part: \(text.isEmpty ? "\(error)" : text)")
  }
}

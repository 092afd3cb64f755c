extension Lint {
  /// All lints, in the order in which they are listed.
  static let all: [Lint] = [
    constantWeights, zeroScale, neverLearns, nothingLearns, freshLayers, unusedWeights,
    unscaledInput, ignoredTransform, mirrorInTest, phasesDiffer, sameSource,
    batchNormWithoutScale, batchNormGlobalStats, batchNormBatchStats, batchNormTinyBatch,
    danglingTop, unusedDataTop, lossOnProbabilities, lossWithoutSoftmax, rectifiedScores,
    oneClass, linearStack, partialPoolingWindow, droppedColumns,
    testIterations, silentTest, noLoss, unmatchedStage, testsNeverCome, untestedEnd, unseenRecords,
    zeroRate, unreachedStep, policyField, oddGamma, adamWithoutMomentum, noMomentum,
    momentumDiverges, zeroClip, nothingSaved, oneSnapshot,
    unusedOutputs, sortedLabels, rareClasses,
  ]

  /// The lint of a name.
  static func named(_ name: String) -> Lint? { all.first { $0.name == name } }
}

extension Lint {
  /// All lints with what they find, why, and what to do.
  static func catalogue(_ style: Style) -> String {
    all.map { lint in
      let mark = lint.level == .hint ? " (hint)" : ""
      let lines = [
        style.bold(lint.name) + mark, "  finds  \(lint.summary)", "  why    \(lint.reason)",
        "  help   \(lint.remedy)",
      ]
      return lines.map { $0 + "\n" }.joined()
    }.joined(separator: "\n")
  }

  /// The same for programs.
  static var catalogueJSON: JSON {
    .array(
      all.map { lint in
        .members([
          "name": .string(lint.name), "level": .string(lint.level.rawValue),
          "summary": .string(lint.summary), "reason": .string(lint.reason),
          "remedy": .string(lint.remedy),
        ])
      })
  }
}

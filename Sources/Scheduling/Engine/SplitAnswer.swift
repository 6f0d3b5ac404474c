import AnabranchCore

/// What a splitter's firing made, until the planner has entered its parts.
struct SplitAnswer: Sendable {
    let parts: [SplitPart]
    let recipe: Recipe?
}

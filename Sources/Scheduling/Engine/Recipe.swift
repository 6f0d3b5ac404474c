import AnabranchCore
import PipelineGraph

/// How a firing's values were made. Kept for as long as one of them, or something that was made of it, may be read again.
final class Recipe: Sendable {
    /// A firing that gathers more than this is not remembered: its recipe would outweigh what the run needs anyway.
    static let mostInputs = 4096

    let firing: Firing
    /// What the firing read. Not in use by this: the objects may have been released since.
    let inputs: [EntryID: EntryValue]
    /// How those of `inputs` that a firing made were made.
    let origins: [EntryID: Origin]
    /// Keys of `inputs`, where the work names them.
    let keys: [EntryID: Key]

    init(firing: Firing, inputs: [EntryID: EntryValue], origins: [EntryID: Origin], keys: [EntryID: Key]) {
        self.firing = firing
        self.inputs = inputs
        self.origins = origins
        self.keys = keys
    }
}

/// Where an entry's value came from: a firing, or one part of a splitter's answer.
struct Origin: Sendable {
    let recipe: Recipe
    /// Labels of the part.
    let part: Key?

    /// The value as a repeated firing's answer has it; nil when the answer lacks the part.
    func value(in success: Success, for entry: EntryID, of node: PlanNodeIndex) -> EntryValue? {
        var value = EntryValue(node: node)
        guard let part else {
            value.data = success.output
            value.model = success.model
            return value
        }
        guard let answer = success.parts.first(where: { Key($0.labels) == part }) else { return nil }
        value.data = answer.train
        value.test = answer.test
        return value
    }
}

import AnabranchCore

/// Why a request was refused before anything ran. Each case names the culprit; `description` says how to mend it.
public enum GraphError: Error, Hashable, Sendable {
    // The graph.
    case emptyGraph
    /// A node's name is empty, or has a character that keys and dimensions need.
    case invalidName(NodeIndex, name: String)
    case duplicateName(String)
    /// An edge, numbered from 0 as the graph lists them, whose end is no node.
    case unknownEdgeEnd(edge: Int, NodeIndex)
    case duplicateEdge(source: String, target: String)
    /// Names along the edges; the first stands again at the end.
    case cycle([String])
    /// A node without any edge, in a graph of several.
    case unconnected(node: String)
    case andWithoutInput(node: String)
    case andWithOneInput(node: String, source: String)
    case overWithoutAnd(node: String)
    /// No estimator, function or native function.
    case missingPayload(node: String)
    /// Variants are counted but not given.
    case missingVariants(node: String)
    case nativeVariants(node: String)
    /// A splitter that does not name its dimension.
    case missingSplits(node: String)

    // Dimensions.
    /// What `over` names does not reach the node, or is more than one dimension.
    case over(node: String, DimensionNameError)
    /// The node adds a dimension that its inputs have already.
    case dimensionTaken(node: String, Dimension)
    /// Every reference of one source differs from every reference of another at a dimension that all of them have.
    case noPartner(node: String, sources: [String], Dimension)
    case outOfFold(node: String, OutOfFoldObstacle)
    /// A product in a cross validation would pair training rows of one fold with those of another.
    case productOfFolds(node: String)

    // Inputs and models.
    /// Inputs or models of an index that is no node.
    case unknownNode(NodeIndex)
    case missingInputs(node: String)
    case emptyInputs(node: String)
    case unexpectedInputs(node: String, source: String)
    case duplicateInput(node: String, Key)
    /// Inputs of different dimensions are joined on their way to a splitter, which could not tell when a group is whole.
    case mixedInputs(node: String, splitter: String, Key, Key)
    /// `node` needs y, and what reaches it from this input of `source` has none.
    case missingY(node: String, source: String, Key)
    case missingModels(node: String)
    case unexpectedModels(node: String, UnexpectedModels)
    case duplicateModel(node: String, Key)

    // Candidates and modes.
    case emptyCandidates
    case unknownCandidateDimension(Dimension, known: [String])
    case candidateLabel(Dimension, Label, count: UInt32)
    /// Scorers are Python objects, which a native function cannot run.
    case nativeScore(node: String)
    case nothingToScore
    case nothingToTransform

    /// Why a predictor's out-of-fold predictions are not defined.
    public enum OutOfFoldObstacle: Hashable, Sendable {
        /// Rows of a gathered list are not rows of its output.
        case gathers
        /// A product would pair different folds.
        case product
    }

    public enum UnexpectedModels: Hashable, Sendable {
        /// A function is not fitted.
        case stateless
        /// The mode fits its own.
        case fitting
    }

    /// The node to blame, where there is one.
    public var node: String? {
        switch self {
        case .emptyGraph, .unknownEdgeEnd, .unknownNode, .emptyCandidates, .unknownCandidateDimension, .candidateLabel,
            .nothingToScore, .nothingToTransform:
            nil
        case .invalidName(_, let name), .duplicateName(let name): name
        case .duplicateEdge(_, let target): target
        case .cycle(let names): names.first
        case .unconnected(let node), .andWithoutInput(let node), .andWithOneInput(let node, _),
            .overWithoutAnd(let node), .missingPayload(let node), .missingVariants(let node),
            .nativeVariants(let node), .missingSplits(let node), .over(let node, _), .dimensionTaken(let node, _),
            .noPartner(let node, _, _), .outOfFold(let node, _), .missingInputs(let node), .emptyInputs(let node),
            .unexpectedInputs(let node, _), .duplicateInput(let node, _), .missingY(let node, _, _),
            .missingModels(let node), .unexpectedModels(let node, _), .duplicateModel(let node, _),
            .nativeScore(let node), .productOfFolds(let node), .mixedInputs(let node, _, _, _):
            node
        }
    }
}

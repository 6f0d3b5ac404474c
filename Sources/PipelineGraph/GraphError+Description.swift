import AnabranchCore

extension GraphError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .emptyGraph:
            "the graph has no nodes: add at least one"
        case .invalidName(let index, ""):
            "node \(index) has no name: give each node one"
        case .invalidName(let index, let name):
            """
            node \(index) cannot be called '\(name)': keys and dimensions use the characters , = : { } [ ] and line \
            breaks: choose a name without them
            """
        case .duplicateName(let name):
            "two nodes are called '\(name)': rename one"
        case .unknownEdgeEnd(let edge, let index):
            "edge \(edge) names node \(index), which the graph does not have: add the node or drop the edge"
        case .duplicateEdge(let source, let target):
            "the edge '\(source)' → '\(target)' is there twice: drop one"
        case .cycle(let names):
            "the graph has a cycle: \(names.joined(separator: " → ")): drop one of these edges"
        case .unconnected(let node):
            "node '\(node)' has no edges: connect it or take it out of the graph"
        case .andWithoutInput(let node):
            "AND node '\(node)' has no incoming edge: give it sources, or make it an OR node, which can take inputs"
        case .andWithOneInput(let node, let source):
            """
            AND node '\(node)' has one incoming edge, from '\(source)', and nothing to join it with: add a second \
            source, name a dimension to gather with over=, or make it an OR node
            """
        case .overWithoutAnd(let node):
            "OR node '\(node)' cannot gather: make it an AND node, or drop over="
        case .missingPayload(let node):
            "node '\(node)' has neither an estimator nor a function: give it one"
        case .missingVariants(let node):
            "node '\(node)' counts variants but does not list them: send the list of parameter settings"
        case .nativeVariants(let node):
            "node '\(node)' is native and takes no variants: use one node per setting of its parameters"
        case .missingSplits(let node):
            "splitter '\(node)' does not name the dimension that it adds: set splits="
        case .over(let node, let error):
            "over= of node '\(node)': \(error)"
        case .dimensionTaken(let node, let dimension):
            """
            node '\(node)' adds the dimension \(dimension.fullName), which its inputs have already: rename the \
            dimension of the inputs, or the node (for a splitter, its splits=)
            """
        case .noPartner(let node, let sources, let dimension):
            """
            AND node '\(node)' can never fire: its sources \(Self.list(sources)) have no label of \
            \(dimension.fullName) in common: give them inputs that agree, or use join="product"
            """
        case .outOfFold(let node, .gathers):
            """
            predictor '\(node)' feeds a fitted node and gathers with over=, so that its output's rows cannot be told \
            apart by fold: set in_sample=True on it to pass on predictions for rows that it was fitted on
            """
        case .outOfFold(let node, .product):
            """
            predictor '\(node)' feeds a fitted node and joins by product, which would mix folds: use the natural \
            join, or set in_sample=True on it to pass on predictions for rows that it was fitted on
            """
        case .productOfFolds(let node):
            """
            AND node '\(node)' joins by product, which would pair training rows of one fold with test rows of \
            another: use the natural join in a cross validation
            """
        case .unknownNode(let index):
            "inputs or models are given for node \(index), which the graph does not have"
        case .missingInputs(let node):
            "node '\(node)' has no incoming edge and no inputs: give it a list of references"
        case .emptyInputs(let node):
            "the list of inputs for node '\(node)' is empty: give it at least one reference"
        case .unexpectedInputs(let node, let source):
            "node '\(node)' reads from '\(source)' and takes no inputs: give inputs to nodes without incoming edges"
        case .duplicateInput(let node, let key):
            "two inputs for node '\(node)' have the key {\(key)}: give each a key of its own"
        case .mixedInputs(let node, let splitter, let first, let second):
            """
            the inputs of node '\(node)' have keys of different dimensions ({\(first)} and {\(second)}) and are joined on \
            their way to splitter '\(splitter)', which cannot tell what belongs together: give every input a label of each
            """
        case .missingY(let node, let source, let key):
            "node '\(node)' needs y, but the input {\(key)} of '\(source)' has none: give it as Xy(X, y)"
        case .missingModels(let node):
            """
            there is no fitted model of node '\(node)': pass the run that fitted it as models=; if that is the run, its fits of \
            the node failed (its failed entries say why)
            """
        case .unexpectedModels(let node, .stateless):
            "models are given for node '\(node)', which is not fitted: leave them out"
        case .unexpectedModels(let node, .fitting):
            "models are given for node '\(node)', but this mode fits its own: use transform, predict or score"
        case .duplicateModel(let node, let key):
            "two models of node '\(node)' have the key {\(key)}: pass the models of one run"
        case .emptyCandidates:
            "the list of candidates is empty, so nothing could run: give at least one, or none at all for every variant"
        case .unknownCandidateDimension(let dimension, let known):
            """
            a candidate names \(dimension.fullName), but \
            \(known.isEmpty ? "no node has variants" : "the graph's variants are \(known.joined(separator: ", "))")
            """
        case .candidateLabel(let dimension, let label, let count):
            "a candidate sets \(dimension.fullName) to \(label), but its labels are 0 to \(count - 1)"
        case .nativeScore(let node):
            "native node '\(node)' emits predictions but cannot be scored: let a Python function pass them on and emit them"
        case .nothingToScore:
            "nothing in the graph can be scored: scoring needs a predictor, or a function that emits predictions"
        case .nothingToTransform:
            "every path of the graph is predictors only, so there is nothing to transform: use predict"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.map { "'\($0)'" }.joined(separator: " and ")
    }
}

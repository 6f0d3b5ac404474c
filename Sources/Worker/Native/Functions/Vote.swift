import AnabranchCore
import ObjectStore

/// `vote`: the label that most inputs have, row by row; among equals the smallest, as in scikit-learn's hard
/// `VotingClassifier`. Parameter `weights`, one number per input.
enum Vote {
    static func run(_ call: NativeCall) throws -> Success {
        let inputs = try call.inputs()
        guard call.work.output else { return Success() }
        let weights = try call.weights(for: inputs.count) ?? Array(repeating: 1, count: inputs.count)
        let blocks = try inputs.map { try call.rows(of: $0.x) }
        let count = blocks[0].rowCount
        for (index, block) in blocks.enumerated() {
            guard block.rowShape.isEmpty || block.rowShape == [1] else {
                throw call.refusal("input \(index) has rows of shape \(block.rowShape), not one label each")
            }
            guard block.rowCount == count else {
                throw call.refusal("input \(index) has \(block.rowCount) labels, the first has \(count)")
            }
        }
        let dtype = blocks.dropFirst().reduce(blocks[0].dtype) { $0.promoted(with: $1.dtype) }
        let x = try call.writeTensor(dtype: dtype, shape: [count]) { target in
            try dtype.visit(Ballot(blocks: blocks, weights: weights, dtype: dtype, winners: target))
        }
        call.countCopied(blocks.count * count * dtype.size)
        return call.success(try call.passingThrough(inputs, x: x, rows: count))
    }
}

private struct Ballot: ElementVisitor {
    let blocks: [RowArray]
    let weights: [Double]
    let dtype: DType
    let winners: UnsafeMutableRawBufferPointer

    func visit<Label: ArrayElement>(_ type: Label.Type) throws {
        let count = blocks[0].rowCount
        let winners = winners.assumingMemoryBound(to: Label.self)
        let zero = Label(.unsigned(0))
        var votes = [Label](repeating: zero, count: count * blocks.count)
        try votes.withUnsafeMutableBytes { bytes in
            for (index, block) in blocks.enumerated() {
                try block.copy(into: bytes, as: dtype, RowArray.Placement(base: index, rowStride: blocks.count))
            }
        }
        for row in 0..<count {
            let ballot = votes[row * blocks.count..<(row + 1) * blocks.count]
            var best: (label: Label, weight: Double)?
            for label in ballot {
                // Summed in the order of the inputs, so that equal sums are equal to the bit.
                var weight = 0.0
                for (vote, amount) in zip(ballot, weights) where vote == label { weight += amount }
                guard let leader = best else {
                    best = (label, weight)
                    continue
                }
                if weight > leader.weight || (weight == leader.weight && label < leader.label) {
                    best = (label, weight)
                }
            }
            winners[row] = best?.label ?? zero
        }
    }
}

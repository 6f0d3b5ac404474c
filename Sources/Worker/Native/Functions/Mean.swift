import AnabranchCore
import ObjectStore

/// `mean`: the mean of the inputs, element by element; parameter `weights`, one number per input.
enum Mean {
    static func run(_ call: NativeCall) throws -> Success {
        let inputs = try call.inputs()
        guard call.work.output else { return Success() }
        let weights = try call.weights(for: inputs.count)
        let blocks = try inputs.map { try call.rows(of: $0.x) }
        let shape = [blocks[0].rowCount] + blocks[0].rowShape
        for (index, block) in blocks.enumerated() where [block.rowCount] + block.rowShape != shape {
            throw call.refusal(
                "input \(index) has the shape \([block.rowCount] + block.rowShape), the first has \(shape)")
        }
        let dtype = blocks.dropFirst().reduce(blocks[0].dtype) { $0.promoted(with: $1.dtype) }
        let x =
            dtype == .float32 && weights == nil
            ? try mean(blocks, weights, shape, Float.self, call) : try mean(blocks, weights, shape, Double.self, call)
        return call.success(try call.passingThrough(inputs, x: x, rows: shape[0]))
    }

    private static func mean<Element: ArrayElement & BinaryFloatingPoint>(
        _ blocks: [RowArray], _ weights: [Double]?, _ shape: [Int], _ type: Element.Type, _ call: NativeCall
    ) throws -> ObjectRef {
        let count = shape.reduce(1, *)
        let divisor = Element(weights?.reduce(0, +) ?? Double(blocks.count))
        return try call.writeTensor(dtype: Element.dtype, shape: shape) { target in
            let sum = target.assumingMemoryBound(to: Element.self)
            sum.initialize(repeating: 0)
            var term = [Element](repeating: 0, count: count)
            for (index, block) in blocks.enumerated() {
                try term.withUnsafeMutableBytes { bytes in
                    try block.copy(into: bytes, as: Element.dtype, RowArray.Placement(rowStride: block.rowLength))
                }
                let weight = weights.map { Element($0[index]) } ?? 1
                for place in 0..<count { sum[place] += weight * term[place] }
            }
            for place in 0..<count { sum[place] /= divisor }
            call.countCopied(blocks.count * count * MemoryLayout<Element>.stride)
        }
    }
}

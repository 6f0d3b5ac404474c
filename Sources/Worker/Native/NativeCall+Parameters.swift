import Foundation

extension NativeCall {
    /// The parameters, read from their JSON object; an empty one when there are none.
    ///
    /// - Throws: `NativeFunctionError` when they are not what `type` asks for.
    public func parameters<Parameters: Decodable>(_ type: Parameters.Type) throws -> Parameters {
        let json = work.parameters.isEmpty ? Array("{}".utf8) : work.parameters
        do {
            return try JSONDecoder().decode(type, from: Foundation.Data(json))
        } catch let DecodingError.keyNotFound(key, _) {
            throw refusal("the parameter '\(key.stringValue)' is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context),
            let DecodingError.dataCorrupted(context)
        {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw refusal("parameter '\(path)': \(context.debugDescription)")
        }
    }

    /// Weights of the inputs, all finite and at least 0 and not all 0; nil when none are given.
    func weights(for inputs: Int) throws -> [Double]? {
        struct Parameters: Decodable { var weights: [Double]? }
        guard let weights = try parameters(Parameters.self).weights else { return nil }
        guard weights.count == inputs else { throw refusal("\(weights.count) weights for \(inputs) inputs") }
        guard weights.allSatisfy({ $0 >= 0 && $0.isFinite }), weights.contains(where: { $0 > 0 }) else {
            throw refusal("the weights \(weights) are not all at least 0 with one above it")
        }
        return weights
    }
}

import AnabranchCore

/// Does what a worker is asked to do, in texts: equal work on equal inputs says the same.
struct ScriptedWork {
    let bytes: Bytes
    let writer: WriterID
    /// Folds that a cross validation cuts.
    var folds: Int64 = 3

    func outcome(of task: TaskAssignment) -> Success {
        switch task.work {
        case .fit(let work):
            let text = "fit(\(bytes.read(work.estimator))\(name(work.variant)),\(bytes.read(work.train)))"
            return Success(
                model: write(text), output: work.output ? Data(x: View(object: write("out(\(text))"))) : nil)
        case .apply(let work):
            let text = "apply(\(bytes.read(work.model)),\(bytes.read(work.input)))"
            return Success(output: output(text, if: work.output), scores: scores(text, if: work.score))
        case .combine(let work):
            let function = work.function.map(bytes.read) ?? "collect"
            let text = "\(function)\(name(work.variant))(\(bytes.read(work.input)))"
            return Success(output: output(text, if: work.output), scores: scores(text, if: work.score))
        case .native(let work):
            let text = "\(work.function)(\(work.input.map(bytes.read) ?? work.arguments.map(bytes.read).joined()))"
            return Success(output: work.input == nil ? nil : output(text, if: work.output), value: write(text))
        case .split(let work):
            return Success(parts: parts(of: work))
        case .call(let work):
            let dependencies = work.dependencies.map(bytes.read).joined(separator: ",")
            return Success(value: write("\(bytes.read(work.function))(\(bytes.read(work.arguments));\(dependencies))"))
        }
    }

    private func parts(of work: SplitWork) -> [SplitPart] {
        var parts: [SplitPart] = []
        let items = work.itemKeys.isEmpty ? [Key.empty] : work.itemKeys
        for label in 0..<(work.folds ? folds : 2) {
            for (index, item) in items.enumerated() {
                var labels = [Key.Part(work.emits[0], .integer(label))]
                for dimension in work.emits.dropFirst() {
                    if let label = item[dimension] { labels.append(Key.Part(dimension, label)) }
                }
                let base = work.input.items[index][0]
                var train = base
                train.x = View(object: base.x.object, rows: write("rows\(label)"))
                var test = base
                test.x = View(object: base.x.object, rows: write("test\(label)"))
                parts.append(SplitPart(labels: labels, train: train, test: work.folds ? test : nil))
                if !work.folds { bytes.release(test.x.rows!.id) }
            }
        }
        return parts
    }

    private func write(_ text: String) -> ObjectRef { bytes.write(text, by: writer) }

    private func name(_ variant: Variant?) -> String { variant.map { "#\($0.index)" } ?? "" }

    private func output(_ text: String, if wanted: Bool) -> Data? {
        wanted ? Data(x: View(object: write(text))) : nil
    }

    private func scores(_ text: String, if wanted: Bool) -> [Score] {
        guard wanted else { return [] }
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return [Score(name: "score", value: Double(hash % 1_000_000) / 1_000_000)]
    }
}

import AnabranchCore
import CMessages

extension FitWork: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__FitWork>) {
        anabranch__v1__fit_work__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__FitWork>) throws(WireError) {
        self.init(
            estimator: try Field.requiredMessage(message.pointee.estimator, "FitWork.estimator"),
            variant: try Field.message(message.pointee.variant),
            method: try Field.known(message.pointee.method.rawValue, "FitWork.method"),
            train: try Field.requiredMessage(message.pointee.train, "FitWork.train"),
            output: message.pointee.output != 0,
            outputMethod: try Field.text(message.pointee.output_method, "FitWork.output_method"),
            seed: message.pointee.has_seed != 0 ? message.pointee.seed : nil)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__FitWork>, _ arena: borrowing Arena) {
        message.pointee.estimator = arena.message(estimator)
        message.pointee.variant = arena.message(variant)
        message.pointee.method = Anabranch__V1__FitMethod(UInt32(method.rawValue))
        message.pointee.train = arena.message(train)
        message.pointee.output = output ? 1 : 0
        arena.set(&message.pointee.output_method, outputMethod)
        message.pointee.has_seed = seed == nil ? 0 : 1
        message.pointee.seed = seed ?? 0
    }
}

extension ApplyWork: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__ApplyWork>) {
        anabranch__v1__apply_work__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__ApplyWork>) throws(WireError) {
        self.init(
            model: try Field.requiredMessage(message.pointee.model, "ApplyWork.model"),
            input: try Field.requiredMessage(message.pointee.input, "ApplyWork.input"),
            output: message.pointee.output != 0,
            outputMethod: try Field.text(message.pointee.output_method, "ApplyWork.output_method"),
            score: message.pointee.score != 0,
            scorers: try Field.message(message.pointee.scorers))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__ApplyWork>, _ arena: borrowing Arena) {
        message.pointee.model = arena.message(model)
        message.pointee.input = arena.message(input)
        message.pointee.output = output ? 1 : 0
        arena.set(&message.pointee.output_method, outputMethod)
        message.pointee.score = score ? 1 : 0
        message.pointee.scorers = arena.message(scorers)
    }
}

extension CombineWork: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__CombineWork>) {
        anabranch__v1__combine_work__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__CombineWork>) throws(WireError) {
        if message.pointee.function == nil && message.pointee.collect_folds == 0 {
            throw Field.invalid("CombineWork.function", "is missing")
        }
        self.init(
            function: try Field.message(message.pointee.function),
            variant: try Field.message(message.pointee.variant),
            input: try Field.requiredMessage(message.pointee.input, "CombineWork.input"),
            output: message.pointee.output != 0,
            score: message.pointee.score != 0,
            scorers: try Field.message(message.pointee.scorers),
            seed: message.pointee.has_seed != 0 ? message.pointee.seed : nil,
            collectFolds: message.pointee.collect_folds != 0)
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__CombineWork>, _ arena: borrowing Arena) {
        message.pointee.function = arena.message(function)
        message.pointee.variant = arena.message(variant)
        message.pointee.input = arena.message(input)
        message.pointee.output = output ? 1 : 0
        message.pointee.score = score ? 1 : 0
        message.pointee.scorers = arena.message(scorers)
        message.pointee.has_seed = seed == nil ? 0 : 1
        message.pointee.seed = seed ?? 0
        message.pointee.collect_folds = collectFolds ? 1 : 0
    }
}

extension SplitWork: MappedValue {
    static func initialize(_ message: UnsafeMutablePointer<Anabranch__V1__SplitWork>) {
        anabranch__v1__split_work__init(message)
    }

    init(_ message: UnsafePointer<Anabranch__V1__SplitWork>) throws(WireError) {
        if message.pointee.splitter == nil && message.pointee.folds == 0 {
            throw Field.invalid("SplitWork.splitter", "is missing")
        }
        self.init(
            splitter: try Field.message(message.pointee.splitter),
            input: try Field.requiredMessage(message.pointee.input, "SplitWork.input"),
            folds: message.pointee.folds != 0,
            seed: message.pointee.has_seed != 0 ? message.pointee.seed : nil,
            emits: try Field.messages(message.pointee.n_emits, message.pointee.emits, "SplitWork.emits"),
            itemKeys: try Field.messages(message.pointee.n_item_keys, message.pointee.item_keys, "SplitWork.item_keys"))
    }

    func fill(_ message: UnsafeMutablePointer<Anabranch__V1__SplitWork>, _ arena: borrowing Arena) {
        message.pointee.splitter = arena.message(splitter)
        message.pointee.input = arena.message(input)
        message.pointee.folds = folds ? 1 : 0
        message.pointee.has_seed = seed == nil ? 0 : 1
        message.pointee.seed = seed ?? 0
        (message.pointee.n_emits, message.pointee.emits) = arena.list(emits)
        (message.pointee.n_item_keys, message.pointee.item_keys) = arena.list(itemKeys)
    }
}

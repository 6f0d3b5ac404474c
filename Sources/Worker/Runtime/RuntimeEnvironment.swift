/// The environment that interpreters are started with.
enum RuntimeEnvironment {
    /// Where the numeric libraries look for the size of their pools.
    private static let threadVariables = [
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
        "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
    ]

    static func of(_ own: [String: String], threadsPerPool: Int) -> [String: String] {
        var environment = own
        // Without .pyc files each import of scikit-learn costs seconds.
        environment["PYTHONDONTWRITEBYTECODE"] = nil
        for name in threadVariables { environment[name] = String(threadsPerPool) }
        // pyarrow's allocator, which pandas loads, starts a thread otherwise; a process with threads cannot be forked.
        return environment.merging(["JE_ARROW_MALLOC_CONF": "background_thread:false"]) { given, _ in given }
    }
}

package gluesecure.guard;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The guard of the S3 clients of one JVM: checks each request against the policy and keeps S3's answers.
 *
 * <p>The request handlers of the AWS SDK call {@link #before}, {@link #answered} and {@link #failed}. On the
 * driver, Python calls {@link #open}, {@link #close}, {@link #probe} and {@link #drain}. On an executor, {@link
 * GuardPlugin} gets the policy from the driver and sends the receipts there.
 */
public final class Guard {
    /** Receipts of an executor after which the thread of the request sends them to the driver. */
    static final int BATCH = 2_000;

    private static final Events EVENTS = new Events();
    /**
     * Requests that store or delete and were not answered yet. The SDK does not report the end of a request whose
     * thread was interrupted; nothing but this set refers to it then.
     */
    private static final Set<S3Call> IN_PROGRESS =
            Collections.newSetFromMap(Collections.synchronizedMap(new WeakHashMap<>()));
    private static volatile Policy policy = new Policy(Collections.singletonMap("state", Policy.UNRESTRICTED));
    private static volatile String client = "driver";
    private static volatile Executor executor;
    private static volatile Supplier<int[]> task = () -> null;
    private static volatile List<String> always = Collections.emptyList();
    private static volatile boolean unrestrictedOutsideRuns = true;
    private static volatile boolean isStarted;

    private Guard() {}

    /** The connection of an executor to the driver. */
    interface Executor {
        /** Gets the policy from the driver if a task has started since the last time. */
        void refresh();

        /** Sends the receipts to the driver. */
        void send();
    }

    // --- set up by the plugin

    /**
     * Starts to guard this JVM: nothing may be stored until a run is open.
     *
     * @param name {@code driver}, or {@code executor} and its id
     * @param prefixes locations ({@code bucket/prefix}) that Spark itself writes to outside of runs: event logs
     * @param unrestricted whether requests outside of runs are not checked, which only test sessions set
     */
    static void start(String name, List<String> prefixes, boolean unrestricted) {
        client = name;
        always = new ArrayList<>(prefixes);
        unrestrictedOutsideRuns = unrestricted;
        policy = Policy.beforeRun(always);
        if (unrestricted) {
            policy = policy.in(Policy.UNRESTRICTED);
        }
        isStarted = true;
    }

    static void connect(Executor connection) {
        executor = connection;
    }

    static void attribute(Supplier<int[]> current) {
        task = current;
    }

    static Policy policy() {
        return policy;
    }

    static void set(Policy changed) {
        policy = changed;
    }

    // --- called by Python on the driver

    /** checks requests against the policy of a run from now on. See {@code engines/spark/request_guard.py}. */
    public static void open(Map<String, Object> source) {
        Map<String, Object> copied = new HashMap<>(source);
        copied.put("always", new ArrayList<>(always));
        policy = new Policy(copied);
    }

    /** Guards botocore in the Python workers of executors from now on. See {@link PythonWorkers}. */
    public static void guardPythonWorkers(Map<String, String> workers) {
        Map<String, Object> changed = new HashMap<>(policy.source);
        changed.put("workers", new HashMap<>(workers));
        policy = new Policy(changed);
    }

    /**
     * Refuses storing requests from now on, because the run commits, and waits for those in progress.
     *
     * @return the requests that are still in progress afterwards, one a line
     */
    public static String commit(long milliseconds) throws InterruptedException {
        policy = policy.in(Policy.COMMITTING);
        long start = System.nanoTime();
        boolean collected = false;
        while (true) {
            List<String> found = inProgress();
            long waited = (System.nanoTime() - start) / 1_000_000;
            if (found.isEmpty() || waited > milliseconds) {
                return String.join("\n", found);
            }
            if (waited > 500 && !collected) {
                System.gc();
                collected = true;
            }
            Thread.sleep(10);
        }
    }

    private static List<String> inProgress() {
        List<String> found = new ArrayList<>();
        synchronized (IN_PROGRESS) {
            for (S3Call call : IN_PROGRESS) {
                found.add(call.operation + " of s3://" + call.location());
            }
        }
        return found;
    }

    /** Refuses storing requests from now on, because the run has ended. */
    public static void close() {
        policy = policy.in(unrestrictedOutsideRuns ? Policy.UNRESTRICTED : Policy.CLOSED);
    }

    /** Sets whether requests outside of runs are checked. Only tests call it. */
    public static void checkOutsideRuns(boolean checked) {
        unrestrictedOutsideRuns = !checked;
        if (!policy.state.equals(Policy.OPEN)) {
            policy = policy.in(checked ? Policy.BEFORE_RUN : Policy.UNRESTRICTED);
        }
    }

    /** Returns whether the Spark plugin has started in this JVM. */
    public static boolean isStarted() {
        return isStarted;
    }

    /** Returns the state of the policy. */
    public static String state() {
        return policy.state;
    }

    /** Returns and removes the oldest events, one JSON object a line; see {@link Events#take}. */
    public static String drain() {
        OtherFileSystems.report();
        List<String> taken = take();
        StringBuilder text = new StringBuilder();
        for (String event : taken) {
            text.append(event).append('\n');
        }
        return text.toString();
    }

    // --- called by the request handlers

    /**
     * Checks a request before it is sent.
     *
     * @return headers to set; one whose value is empty is to be removed
     * @throws RefusedRequest if the request contradicts the policy
     */
    static Map<String, String> before(S3Call call) throws RefusedRequest {
        Probe.check(call);
        Executor connection = executor;
        if (connection != null) {
            connection.refresh();
        }
        if (!call.kind().equals(Operations.OTHER)) {
            // Before the policy is read: after commit() has changed it, every request that it allowed is here.
            IN_PROGRESS.add(call);
        }
        try {
            return policy.check(call);
        } catch (RefusedRequest refused) {
            IN_PROGRESS.remove(call);
            add(new Json("refused", call)
                    .put("control", refused.control)
                    .put("resource", refused.resource)
                    .put("found", refused.found)
                    .put("required", refused.required)
                    .put("fix", refused.fix));
            throw refused;
        }
    }

    /**
     * Records S3's answer to a request. Header names are those of HTTP, in any case.
     *
     * <p>Markers of directories (keys that end with a slash) are checked like other objects, but they have no
     * bytes, and S3A stores and deletes several of them for each file: no receipt is kept.
     */
    static void answered(S3Call call, Map<String, String> headers) {
        try {
            record(call, headers);
        } finally {
            IN_PROGRESS.remove(call);
        }
    }

    private static void record(S3Call call, Map<String, String> headers) {
        String kind = call.kind();
        if (kind.equals(Operations.DELETE)) {
            for (String key : call.deletedKeys()) {
                if (!key.endsWith("/")) {
                    add(new Json("deleted", call).put("key", key));
                }
            }
        } else if (call.key.endsWith("/")) {
            return;
        } else if (kind.equals(Operations.PART)) {
            Uploads.addPart(call);
        } else if (kind.equals(Operations.STORE)
                || kind.equals(Operations.CREATE)
                || kind.equals(Operations.COMPLETE)) {
            add(receipt(kind.equals(Operations.CREATE) ? "upload-created" : "stored", call, headers));
        } else if (call.operation.equals("GetObject")) {
            String algorithm = header(headers, "x-amz-server-side-encryption");
            String key = header(headers, "x-amz-server-side-encryption-aws-kms-key-id");
            if (policy.isFirstRead(call.location(), algorithm + " " + key)) {
                add(new Json("read", call).put("algorithm", algorithm).put("kms_key", key));
            }
        }
    }

    /**
     * Records a request that failed.
     *
     * @param status of S3's answer, -1 without an answer: the object may have been stored
     */
    static void failed(S3Call call, int status) {
        boolean decided = status >= 300 && status < 500;
        if (!decided && (call.kind().equals(Operations.STORE) || call.kind().equals(Operations.COMPLETE))) {
            add(receipt("unanswered", call, Collections.<String, String>emptyMap()));
        }
        IN_PROGRESS.remove(call);
    }

    private static Json receipt(String outcome, S3Call call, Map<String, String> headers) {
        Json receipt = new Json(outcome, call)
                .put("algorithm", header(headers, "x-amz-server-side-encryption"))
                .put("kms_key", header(headers, "x-amz-server-side-encryption-aws-kms-key-id"))
                .put("bucket_key", header(headers, "x-amz-server-side-encryption-bucket-key-enabled"))
                .put("version", header(headers, "x-amz-version-id"))
                .put("etag", header(headers, "ETag").replace("\"", ""))
                .put("checksum", checksum(headers))
                .put("upload", call.upload)
                .put("source", call.header("x-amz-copy-source"));
        long size = call.kind().equals(Operations.COMPLETE) ? Uploads.take(call.upload) : call.size;
        if (size >= 0) {
            receipt.put("size", size);
        }
        return receipt;
    }

    /** Returns the checksum in S3's answer as {@code CRC64NVME:...}, or an empty text. */
    private static String checksum(Map<String, String> headers) {
        String prefix = "x-amz-checksum-";
        for (Map.Entry<String, String> header : headers.entrySet()) {
            String name = header.getKey() == null ? "" : header.getKey().toLowerCase(Locale.ROOT);
            if (name.startsWith(prefix) && !name.equals("x-amz-checksum-type") && header.getValue() != null) {
                return name.substring(prefix.length()).toUpperCase(Locale.ROOT) + ":" + header.getValue();
            }
        }
        return "";
    }

    private static String header(Map<String, String> headers, String name) {
        for (Map.Entry<String, String> header : headers.entrySet()) {
            if (name.equalsIgnoreCase(header.getKey())) {
                return header.getValue() == null ? "" : header.getValue();
            }
        }
        return "";
    }

    // --- events

    /** Keeps an event of a run. Nothing would take the others. */
    static void add(Json event) {
        if (!policy.isOfRun()) {
            return;
        }
        event.put("client", client).put("time", System.currentTimeMillis());
        int[] current = task.get();
        if (current != null) {
            event.put("stage", current[0]).put("task", current[1]);
        }
        int count = EVENTS.add(event.toString());
        Executor connection = executor;
        if (connection != null && count >= BATCH) {
            connection.send();
        }
    }

    /** Adds events of an executor, on the driver. */
    static void addAll(List<String> events) {
        for (String event : events) {
            EVENTS.add(event);
        }
    }

    /** Returns and removes the oldest events; see {@link Events#take}. */
    static List<String> take() {
        return EVENTS.take();
    }

    /** Sends all events, oldest first; see {@link Events#send}. */
    static void send(Predicate<List<String>> receiver) {
        EVENTS.send(receiver);
    }

    /** Records why receipts may be missing. */
    static void incomplete(String reason) {
        addAll(Arrays.asList(new Json("incomplete").put("text", reason).put("client", client).toString()));
    }
}

package gluesecure.guard;

import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What requests must satisfy at one moment: the state of the run, the rules for stored objects, and the endpoints.
 *
 * <p>A policy is made from a map of JDK types, so that the driver can send it to executors whose class loader of
 * Spark's messages does not have this class.
 */
final class Policy {
    static final String BEFORE_RUN = "before-run";
    static final String OPEN = "open";
    static final String COMMITTING = "committing";
    static final String CLOSED = "closed";
    static final String UNRESTRICTED = "unrestricted";

    private static final String ALGORITHM_HEADER = "x-amz-server-side-encryption";
    private static final String KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id";
    private static final String BUCKET_KEY_HEADER = "x-amz-server-side-encryption-bucket-key-enabled";
    private static final String KMS = "aws:kms";
    private static final String[] OTHER_HEADERS = {
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-context",
    };

    private static final Rule NO_RULE = new Rule(Collections.emptyMap());
    private static final AtomicLong NUMBERS = new AtomicLong();

    final Map<String, Object> source;
    /** Of this policy among those of the driver. */
    final long number;
    final String state;
    private final String run;
    private final List<Rule> rules = new ArrayList<>();
    private final List<String> reserved;
    private final List<String> always;
    private final List<String> hosts;
    private final List<String> aliases;
    private final List<String> sources;
    /** Objects whose read was recorded, with their encryption. */
    private final Set<String> read = ConcurrentHashMap.newKeySet();
    /** Of the last endpoint that was allowed. */
    private volatile String allowedAuthority = "";

    /** How objects below a location must be encrypted. */
    private static final class Rule {
        final String location;
        /** "true" or "false"; empty if either is accepted. */
        final String bucketKey;
        final String required;
        /** What objects are stored with. */
        final Encryption written;
        final List<Encryption> accepted = new ArrayList<>();
        /** What the run's own settings of S3 clients may request; such a request gets what is written. */
        final List<Encryption> replaced = new ArrayList<>();

        Rule(Map<String, Object> source) {
            location = text(source, "location");
            bucketKey = text(source, "bucket_key");
            required = text(source, "required");
            written = new Encryption(source);
            for (Map<String, Object> one : Policy.<Map<String, Object>>list(source, "accepted")) {
                accepted.add(new Encryption(one));
            }
            for (Map<String, Object> one : Policy.<Map<String, Object>>list(source, "replaced")) {
                replaced.add(new Encryption(one));
            }
        }

        boolean covers(String object) {
            return object.startsWith(location) || (object + "/").equals(location);
        }
    }

    /** An algorithm and its key. */
    private static final class Encryption {
        final String algorithm;
        final String key;
        private final String keyId;

        Encryption(Map<String, Object> source) {
            algorithm = text(source, "algorithm");
            key = text(source, "key");
            keyId = text(source, "key_id");
        }

        boolean is(String otherAlgorithm, String otherKey) {
            return algorithm.equals(otherAlgorithm)
                    && (key.equals(otherKey) || (!keyId.isEmpty() && keyId.equals(otherKey)));
        }
    }

    /** Makes a policy of a map with the entries that {@code engines/spark/request_guard.py} describes. */
    Policy(Map<String, Object> source) {
        Map<String, Object> copied = new HashMap<>(source);
        Object given = copied.remove("number"); // by the driver, for an executor
        this.source = copied;
        number = given == null ? NUMBERS.incrementAndGet() : (Long) given;
        state = text(source, "state");
        run = text(source, "run");
        for (Map<String, Object> rule : Policy.<Map<String, Object>>list(source, "rules")) {
            rules.add(new Rule(rule));
        }
        reserved = list(source, "reserved");
        always = list(source, "always");
        hosts = list(source, "hosts");
        aliases = list(source, "aliases");
        sources = list(source, "sources");
    }

    /** Returns the policy before a run: nothing may be stored, except below {@code always}. */
    static Policy beforeRun(List<String> always) {
        Map<String, Object> source = new HashMap<>();
        source.put("state", BEFORE_RUN);
        source.put("always", new ArrayList<>(always));
        return new Policy(source);
    }

    String probe() {
        return text(source, "probe");
    }

    Map<String, String> settings() {
        @SuppressWarnings("unchecked")
        Map<String, String> settings = (Map<String, String>) source.get("settings");
        return settings == null ? Collections.emptyMap() : settings;
    }

    /** Returns what the Python workers of executors need, empty if they are not guarded by executors. */
    Map<String, String> workers() {
        @SuppressWarnings("unchecked")
        Map<String, String> workers = (Map<String, String>) source.get("workers");
        return workers == null ? Collections.emptyMap() : workers;
    }

    /** Returns whether a run is open, or commits: requests and their answers are part of its evidence. */
    boolean isOfRun() {
        return state.equals(OPEN) || state.equals(COMMITTING);
    }

    /** Returns whether the read of an object is recorded: it is below a source, and it is the first. */
    boolean isFirstRead(String location, String encryption) {
        return startsWithAny(location, sources) && read.add(location + " " + encryption);
    }

    /** Returns this policy in another state. */
    Policy in(String other) {
        Map<String, Object> changed = new HashMap<>(source);
        changed.put("state", other);
        return new Policy(changed);
    }

    /**
     * Returns the headers to set in a request so that it stores bytes as the policy says. A header whose value is
     * empty is removed.
     *
     * @throws RefusedRequest if the request contradicts the policy
     */
    Map<String, String> check(S3Call call) throws RefusedRequest {
        if (state.equals(UNRESTRICTED)) {
            return Collections.emptyMap();
        }
        if (isOfRun()) {
            checkEndpoint(call);
        }
        String kind = call.kind();
        boolean stores = kind.equals(Operations.STORE) || kind.equals(Operations.CREATE);
        boolean continues = kind.equals(Operations.PART) || kind.equals(Operations.COMPLETE);
        if (!stores && !continues && !kind.equals(Operations.REFUSE)) {
            return Collections.emptyMap();
        }
        if (!state.equals(OPEN) && !startsWithAny(call.location(), always)) {
            throw outsideOfRun(resource(call));
        }
        if (kind.equals(Operations.REFUSE)) {
            throw new RefusedRequest(
                    "GS-S3-005", resource(call), call.operation,
                    "PutObject, CopyObject or a multipart upload under the run's key",
                    "call it outside of the job; it stores bytes or changes encryption without the run's key");
        }
        // The alias of an access point may stand for a bucket that a rule names.
        boolean isAlias = aliases.stream().anyMatch(call.bucket::endsWith) && rule(call.bucket + "/").location.isEmpty();
        if (call.bucket.startsWith("arn:") || isAlias) {
            throw new RefusedRequest(
                    "GS-S3-005", resource(call), "an access point", "the bucket's own name",
                    "use the name of the bucket behind the access point");
        }
        for (String location : reserved) {
            if ((call.location() + "/").startsWith(location)) {
                throw new RefusedRequest(
                        "GS-S3-009", resource(call), "a location inside s3://" + location,
                        "a location outside the prefixes of bookmarks and evidence",
                        "use another prefix, and give bookmarks and evidence prefixes that nothing else uses");
            }
        }
        return stores && !rules.isEmpty() ? encryption(call) : Collections.emptyMap();
    }

    private Map<String, String> encryption(S3Call call) throws RefusedRequest {
        Rule rule = rule(call.location());
        for (String name : OTHER_HEADERS) {
            if (!call.header(name).isEmpty()) {
                throw contradiction(call, "the header " + name, rule);
            }
        }
        String algorithm = call.header(ALGORITHM_HEADER);
        String key = call.header(KEY_HEADER);
        Map<String, String> changed = new HashMap<>();
        if ((algorithm.isEmpty() && key.isEmpty()) || isAmong(rule.replaced, algorithm, key)) {
            changed.put(ALGORITHM_HEADER, rule.written.algorithm);
            if (!rule.written.key.isEmpty() || !key.isEmpty()) {
                changed.put(KEY_HEADER, rule.written.key);
            }
            algorithm = rule.written.algorithm;
        } else if (!isAmong(rule.accepted, algorithm, key)) {
            String found = algorithm + " " + (key.isEmpty() ? "without a key" : key);
            throw contradiction(call, found.trim(), rule);
        }
        String bucketKey = call.header(BUCKET_KEY_HEADER);
        if (!algorithm.equals(KMS)) {
            if (!bucketKey.isEmpty()) {
                changed.put(BUCKET_KEY_HEADER, "");
            }
        } else if (!rule.bucketKey.isEmpty() && !rule.bucketKey.equals(bucketKey)) {
            changed.put(BUCKET_KEY_HEADER, rule.bucketKey);
        }
        return changed;
    }

    private static boolean isAmong(List<Encryption> encryptions, String algorithm, String key) {
        for (Encryption one : encryptions) {
            if (one.is(algorithm, key)) {
                return true;
            }
        }
        return false;
    }

    private static RefusedRequest contradiction(S3Call call, String found, Rule rule) {
        return new RefusedRequest(
                "GS-S3-005", resource(call), found, rule.required,
                "remove the encryption settings of this write; glue-secure sets the required encryption");
    }

    private static String resource(S3Call call) {
        return call.operation + " to s3://" + call.location();
    }

    /** Returns the rule with the longest location that the object is below. */
    private Rule rule(String location) {
        Rule best = NO_RULE;
        for (Rule rule : rules) {
            if (rule.covers(location) && rule.location.length() >= best.location.length()) {
                best = rule;
            }
        }
        return best;
    }

    private void checkEndpoint(S3Call call) throws RefusedRequest {
        if (hosts.isEmpty()) {
            return;
        }
        URI endpoint = call.endpoint;
        if (endpoint != null && "https".equalsIgnoreCase(endpoint.getScheme())) {
            // The authority, because getHost() is null for a bucket name with an underscore.
            String given = String.valueOf(endpoint.getRawAuthority());
            if (given.equals(allowedAuthority)) {
                return;
            }
            String authority = given.toLowerCase(Locale.ROOT);
            String server = authority.matches(".*:\\d+") ? authority : authority + ":443";
            for (String allowed : hosts) {
                boolean matches = allowed.startsWith(".")
                        ? server.endsWith(allowed + ":443")
                        : server.equals(allowed) || server.endsWith("." + allowed);
                if (matches) {
                    allowedAuthority = given;
                    return;
                }
            }
        }
        throw new RefusedRequest(
                "GS-S3-002", call.operation + " of s3://" + call.location(), String.valueOf(endpoint),
                "the run's S3 service over TLS: https://" + String.join(", ", hosts),
                "remove the option or setting fs.s3a.endpoint of this read or write");
    }

    private RefusedRequest outsideOfRun(String resource) {
        if (state.equals(CLOSED) || state.equals(COMMITTING)) {
            return new RefusedRequest(
                    "GS-SEC-007", resource, "a write after run " + run + " has ended or begun to commit",
                    "all writes before job.commit()",
                    "move the write before job.commit(); the evidence does not cover later writes");
        }
        return new RefusedRequest(
                "GS-SEC-007", resource, "no run has started",
                "a run, which starts by itself if --JOB_NAME and --glue-secure-evidence-uri are given",
                "add the missing argument to the script's arguments, or call job.init before it");
    }

    private static boolean startsWithAny(String location, List<String> prefixes) {
        for (String prefix : prefixes) {
            if (location.startsWith(prefix)) {
                return true;
            }
        }
        return false;
    }

    private static String text(Map<String, Object> map, String name) {
        Object value = map.get(name);
        return value == null ? "" : value.toString();
    }

    @SuppressWarnings("unchecked")
    private static <T> List<T> list(Map<String, Object> map, String name) {
        List<T> value = (List<T>) map.get(name);
        return value == null ? Collections.<T>emptyList() : value;
    }
}

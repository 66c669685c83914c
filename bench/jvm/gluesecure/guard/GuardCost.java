package gluesecure.guard;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Measures what the guard adds to one PutObject: the check before it and the receipt after it.
 *
 * <p>Arguments: rounds and requests of a round. Prints a line for each round: nanoseconds of the thread's CPU time
 * for one request with the guard's two calls, of the same code without them, and of the HMACs of a request's signature (SigV4), which
 * every client computes.
 */
public final class GuardCost {
    private static final String KEY = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111";

    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();

    private GuardCost() {}

    public static void main(String[] words) throws Exception {
        int rounds = Integer.parseInt(words[0]);
        int requests = Integer.parseInt(words[1]);
        Guard.start("driver", new ArrayList<>(), false);
        Guard.open(policy());
        Map<String, String> answer = new HashMap<>();
        answer.put("x-amz-server-side-encryption", "aws:kms");
        answer.put("x-amz-server-side-encryption-aws-kms-key-id", KEY);
        answer.put("ETag", "\"0123456789abcdef0123456789abcdef\"");
        for (int round = -3; round < rounds; round++) { // three rounds to warm up
            long[] times = new long[3];
            for (int part = 0; part < 3; part++) {
                int variant = (part + round + 3) % 3; // in alternating order
                Guard.take();
                System.gc();
                long start = CLOCK.getCurrentThreadCpuTime();
                for (int number = 0; number < requests; number++) {
                    if (variant == 2) {
                        sign(number);
                        continue;
                    }
                    S3Call call = call(number);
                    if (variant == 0) {
                        Guard.before(call);
                        Guard.answered(call, answer);
                    }
                }
                times[variant] = (CLOCK.getCurrentThreadCpuTime() - start) / requests;
            }
            if (round >= 0) {
                System.out.println(times[0] + " " + times[1] + " " + times[2]);
            }
        }
    }

    private static Map<String, Object> policy() {
        Map<String, Object> written = new HashMap<>();
        written.put("algorithm", "aws:kms");
        written.put("key", KEY);
        written.put("key_id", KEY.substring(KEY.length() - 36));
        Map<String, Object> rule = new HashMap<>(written);
        rule.put("location", "");
        rule.put("accepted", Collections.singletonList(written));
        Map<String, Object> policy = new HashMap<>();
        policy.put("state", "open");
        policy.put("run", "jr_1");
        policy.put("rules", Collections.singletonList(rule));
        List<String> reserved = new ArrayList<>();
        reserved.add("state/bookmarks/");
        reserved.add("state/evidence/");
        policy.put("reserved", reserved);
        policy.put("hosts", Collections.singletonList(".amazonaws.com"));
        return policy;
    }

    private static S3Call call(int number) {
        URI endpoint = URI.create("https://curated.s3.eu-west-1.amazonaws.com");
        S3Call call = new S3Call("PutObject", "curated", "flights/day=1/part-" + number + ".parquet", endpoint);
        call.headers.put("x-amz-server-side-encryption", "aws:kms");
        call.headers.put("x-amz-server-side-encryption-aws-kms-key-id", KEY);
        call.headers.put("Content-Length", "1000");
        call.size = 1000;
        return call;
    }

    private static void sign(int number) throws Exception {
        byte[] key = ("AWS4" + number).getBytes(StandardCharsets.UTF_8);
        for (String text : new String[] {"20261129", "eu-west-1", "s3", "aws4_request", "string to sign"}) {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            key = mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        }
    }
}

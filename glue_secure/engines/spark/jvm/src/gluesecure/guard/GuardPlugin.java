package gluesecure.guard;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskFailedReason;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.util.TaskCompletionListener;

/**
 * The Spark plugin ({@code spark.plugins=gluesecure.guard.GuardPlugin}): gives executors the policy of the run,
 * and the driver their receipts.
 *
 * <p>Messages are numbers, maps and lists of JDK types. An executor gets the policy when a task starts, if it has
 * changed, and tests the guard once, at the first task of a run. It sends its receipts and those of its Python
 * workers when a task ends, before the driver learns that the task ended.
 */
public final class GuardPlugin implements SparkPlugin {
    /** {@code allow}: requests outside of runs are not checked. Only the sessions of tests set it. */
    private static final String OUTSIDE_RUNS = "spark.glueSecure.outsideRuns";

    private static final Pattern S3 = Pattern.compile("s3[an]?://(.*)");

    @Override
    public DriverPlugin driverPlugin() {
        return new Driver();
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return new Worker();
    }

    private static int[] currentTask() {
        TaskContext context = TaskContext.get();
        return context == null ? null : new int[] {context.stageId(), (int) context.taskAttemptId()};
    }

    private static void start(String name, SparkConf conf) {
        List<String> always = new ArrayList<>();
        if (conf.getBoolean("spark.eventLog.enabled", false)) {
            Matcher directory = S3.matcher(conf.get("spark.eventLog.dir", ""));
            if (directory.matches()) {
                always.add(directory.group(1));
            }
        }
        Guard.start(name, always, conf.get(OUTSIDE_RUNS, "").equals("allow"));
        Guard.attribute(GuardPlugin::currentTask);
    }

    private static final class Driver implements DriverPlugin {
        @Override
        public Map<String, String> init(SparkContext context, PluginContext plugin) {
            start("driver", context.getConf());
            context.addSparkListener(new LostTasks());
            return Collections.emptyMap();
        }

        /**
         * Answers the messages of executors: a list of events, a part of a Python worker's file, or the number of
         * the policy that the executor has, whose answer is the policy if it has changed.
         */
        @Override
        public Object receive(Object message) throws IOException {
            Policy policy = Guard.policy();
            if (message instanceof List) {
                @SuppressWarnings("unchecked")
                List<String> events = (List<String>) message;
                Guard.addAll(events);
                return "received";
            }
            if (message instanceof Map) {
                PythonWorkers.receive((Map<?, ?>) message, policy);
                return "received";
            }
            if (message.equals(policy.number)) {
                return "unchanged";
            }
            Map<String, Object> answer = new HashMap<>(policy.source);
            answer.put("number", policy.number);
            return answer;
        }
    }

    /** Records that receipts are missing if an executor was lost while it ran a task. */
    private static final class LostTasks extends SparkListener {
        @Override
        public void onTaskEnd(SparkListenerTaskEnd event) {
            if (event.reason() instanceof ExecutorLostFailure) {
                Guard.incomplete("executor " + ((ExecutorLostFailure) event.reason()).execId() + " was lost");
            }
        }
    }

    private static final class Worker implements ExecutorPlugin, Guard.Executor {
        private PluginContext plugin;
        private PythonWorkers pythonWorkers;
        private volatile boolean policyIsOld = true;
        private volatile long policyNumber = -1;
        private volatile boolean isTested;

        @Override
        public void init(PluginContext context, Map<String, String> extra) {
            if (context.executorID().equals("driver")) {
                return; // a local master: the driver's guard is this JVM's guard
            }
            plugin = context;
            JdbcLogs.suppress();
            start("executor " + context.executorID(), context.conf());
            pythonWorkers = new PythonWorkers("executor " + context.executorID(), plugin::ask);
            Guard.connect(this);
        }

        @Override
        public void onTaskStart() {
            if (plugin == null) {
                return;
            }
            policyIsOld = true;
            TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> pythonWorkers.taskEnded());
            try {
                refresh();
                pythonWorkers.taskStarted(Guard.policy());
            } catch (IOException | RuntimeException error) {
                Guard.incomplete("Python workers are not guarded: " + error);
            }
            if (!isTested) {
                test();
            }
        }

        @Override
        public void onTaskSucceeded() {
            send();
        }

        @Override
        public void onTaskFailed(TaskFailedReason reason) {
            send();
        }

        @Override
        public void shutdown() {
            send();
            if (plugin != null) {
                pythonWorkers.shutdown();
            }
        }

        @Override
        public void refresh() {
            if (!policyIsOld) {
                return;
            }
            policyIsOld = false;
            try {
                Object answer = plugin.ask(policyNumber);
                if (answer instanceof Map) {
                    @SuppressWarnings("unchecked")
                    Policy changed = new Policy((Map<String, Object>) answer);
                    Guard.set(changed);
                    policyNumber = changed.number;
                }
            } catch (Exception error) {
                policyIsOld = true;
                throw new IllegalStateException("the driver did not send the policy of S3 requests", error);
            }
        }

        @Override
        public void send() {
            if (plugin == null) {
                return;
            }
            OtherFileSystems.report();
            Guard.send(this::isReceived);
        }

        private boolean isReceived(List<String> events) {
            try {
                plugin.ask(new ArrayList<>(events));
                return true;
            } catch (Exception error) {
                return false;
            }
        }

        /** Tests the guard in this executor, if a run is open, and reports the result. */
        private synchronized void test() {
            if (isTested) {
                return;
            }
            refresh();
            Policy policy = Guard.policy();
            if (!policy.state.equals(Policy.OPEN) || policy.probe().isEmpty()) {
                return;
            }
            isTested = true;
            Configuration conf = new Configuration();
            for (Map.Entry<String, String> setting : policy.settings().entrySet()) {
                conf.set(setting.getKey(), setting.getValue());
            }
            String problem = Probe.run(policy.probe(), conf);
            Guard.add(new Json("tested").put("text", problem));
            send();
        }
    }
}

package gluesecure.guard;

/** Keeps Spark's JDBC connection providers from logging at DEBUG, where they print the password. */
final class JdbcLogs {
    private static final String LOGGERS = "org.apache.spark.sql.execution.datasources.jdbc.connection";

    private JdbcLogs() {}

    /** Raises the loggers to INFO. By reflection, because another logging library may be in use. */
    static void suppress() {
        try {
            Class<?> level = Class.forName("org.apache.logging.log4j.Level");
            Class.forName("org.apache.logging.log4j.core.config.Configurator")
                    .getMethod("setAllLevels", String.class, level)
                    .invoke(null, LOGGERS, level.getField("INFO").get(null));
        } catch (ReflectiveOperationException | LinkageError missing) {
            // Without log4j, Spark's log level is the one of the other library.
        }
    }
}

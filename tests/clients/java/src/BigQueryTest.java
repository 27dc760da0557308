// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.cloud.NoCredentials;
import com.google.cloud.bigquery.BigQuery;
import com.google.cloud.bigquery.BigQueryException;
import com.google.cloud.bigquery.BigQueryOptions;
import com.google.cloud.bigquery.DatasetId;
import com.google.cloud.bigquery.DatasetInfo;
import com.google.cloud.bigquery.Field;
import com.google.cloud.bigquery.FieldValueList;
import com.google.cloud.bigquery.FormatOptions;
import com.google.cloud.bigquery.InsertAllRequest;
import com.google.cloud.bigquery.InsertAllResponse;
import com.google.cloud.bigquery.Job;
import com.google.cloud.bigquery.JobId;
import com.google.cloud.bigquery.JobInfo;
import com.google.cloud.bigquery.QueryJobConfiguration;
import com.google.cloud.bigquery.QueryParameterValue;
import com.google.cloud.bigquery.Schema;
import com.google.cloud.bigquery.StandardSQLTypeName;
import com.google.cloud.bigquery.StandardTableDefinition;
import com.google.cloud.bigquery.Table;
import com.google.cloud.bigquery.TableDataWriteChannel;
import com.google.cloud.bigquery.TableId;
import com.google.cloud.bigquery.TableInfo;
import com.google.cloud.bigquery.TableResult;
import com.google.cloud.bigquery.WriteChannelConfiguration;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** BigQuery by the official Java client, inside `datos dev -- ...` (see tests/run). */
@Timeout(60)
class BigQueryTest {
  private static final String DATASET = "java_client";
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final Schema SCHEMA =
      Schema.of(
          Field.newBuilder("id", StandardSQLTypeName.STRING).setMode(Field.Mode.REQUIRED).build(),
          Field.newBuilder("n", StandardSQLTypeName.INT64).setMode(Field.Mode.NULLABLE).build(),
          Field.newBuilder("made", StandardSQLTypeName.TIMESTAMP)
              .setMode(Field.Mode.NULLABLE)
              .build());
  private static BigQuery client;

  @BeforeAll
  static void open() {
    String host = System.getenv("BIGQUERY_EMULATOR_HOST");
    client =
        BigQueryOptions.newBuilder()
            .setHost(host.contains("://") ? host : "http://" + host)
            .setProjectId(System.getenv("GOOGLE_CLOUD_PROJECT"))
            .setCredentials(NoCredentials.getInstance())
            .build()
            .getService();
    client.create(DatasetInfo.newBuilder(DATASET).setLabels(Map.of("a", "b")).build());
  }

  @AfterAll
  static void close() {
    assertTrue(client.delete(DatasetId.of(DATASET), BigQuery.DatasetDeleteOption.deleteContents()));
    assertNull(client.getDataset(DATASET));
  }

  private static TableId table() {
    TableId id = TableId.of(DATASET, "t" + NUMBER.incrementAndGet());
    client.create(TableInfo.of(id, StandardTableDefinition.of(SCHEMA)));
    return id;
  }

  private static String name(TableId id) {
    return "`" + id.getDataset() + "." + id.getTable() + "`";
  }

  private static List<FieldValueList> rows(String sql) throws InterruptedException {
    List<FieldValueList> found = new ArrayList<>();
    client.query(QueryJobConfiguration.of(sql)).iterateAll().forEach(found::add);
    return found;
  }

  @Test
  void aTableIsMadeShownChangedAndDeleted() {
    TableId id = table();
    Table shown = client.getTable(id);
    assertEquals(SCHEMA, shown.getDefinition().getSchema());
    Table changed = shown.toBuilder().setDescription("filas").build().update();
    assertEquals("filas", changed.getDescription());
    assertEquals(Map.of("a", "b"), client.getDataset(DATASET).getLabels());
    BigQueryException e =
        assertThrows(
            BigQueryException.class,
            () -> client.create(TableInfo.of(id, StandardTableDefinition.of(SCHEMA))));
    assertEquals(409, e.getCode());
    assertTrue(client.delete(id));
    assertFalse(client.delete(id));
    assertNull(client.getTable(id));
  }

  @Test
  void insertedRowsAreFoundByAQuery() throws Exception {
    TableId id = table();
    InsertAllResponse answer =
        client.insertAll(
            InsertAllRequest.newBuilder(id)
                .addRow("1", Map.of("id", "a", "n", 7, "made", "2025-01-14T10:00:00.123456Z"))
                .addRow("1", Map.of("id", "a", "n", 7, "made", "2025-01-14T10:00:00.123456Z"))
                .addRow("2", Map.of("id", "ñ"))
                .build());
    assertFalse(answer.hasErrors(), () -> answer.getInsertErrors().toString());
    List<FieldValueList> rows = rows("SELECT id, n, made FROM " + name(id) + " ORDER BY id");
    assertEquals(2, rows.size());
    assertEquals("a", rows.get(0).get("id").getStringValue());
    assertEquals(7, rows.get(0).get("n").getLongValue());
    assertEquals(1736848800123456L, rows.get(0).get("made").getTimestampValue());
    assertEquals("ñ", rows.get(1).get("id").getStringValue());
    assertTrue(rows.get(1).get("n").isNull());
  }

  @Test
  void badRowsAreNamed() {
    InsertAllResponse answer =
        client.insertAll(
            InsertAllRequest.newBuilder(table())
                .addRow(Map.of("id", "a"))
                .addRow(Map.of("id", "b", "n", "much"))
                .build());
    assertEquals("invalid", answer.getErrorsFor(1).get(0).getReason());
    assertEquals("stopped", answer.getErrorsFor(0).get(0).getReason());
  }

  @Test
  void parametersAreTyped() throws Exception {
    TableResult result =
        client.query(
            QueryJobConfiguration.newBuilder("SELECT @s AS s, @n + 1 AS n, @list AS list")
                .addNamedParameter("s", QueryParameterValue.string("x'y"))
                .addNamedParameter("n", QueryParameterValue.int64(41))
                .addNamedParameter("list", QueryParameterValue.array(new Long[] {1L, 2L}, Long.class))
                .build());
    FieldValueList row = result.iterateAll().iterator().next();
    assertEquals("x'y", row.get("s").getStringValue());
    assertEquals(42, row.get("n").getLongValue());
    assertEquals(2, row.get("list").getRepeatedValue().size());
  }

  @Test
  void pagesOfAResultFollowEachOther() throws Exception {
    TableResult result =
        client.query(
            QueryJobConfiguration.of(
                "SELECT n FROM UNNEST(GENERATE_ARRAY(1, 250)) AS n ORDER BY n"));
    assertEquals(250, result.getTotalRows());
    TableId id = table();
    rows(
        "INSERT INTO "
            + name(id)
            + " (id, n) SELECT FORMAT('r%d', n), n FROM UNNEST(GENERATE_ARRAY(1, 250)) AS n");
    var page = client.listTableData(id, BigQuery.TableDataListOption.pageSize(100));
    assertNotNull(page.getNextPageToken());
    int n = 0;
    for (FieldValueList ignored : page.iterateAll()) {
      n++;
    }
    assertEquals(250, n);
  }

  @Test
  void aJobTellsItsErrorAndItsStatistics() throws Exception {
    Job good =
        client
            .create(
                JobInfo.newBuilder(QueryJobConfiguration.of("SELECT 1 AS one"))
                    .setJobId(JobId.of("java-job-" + System.nanoTime()))
                    .build())
            .waitFor();
    assertNull(good.getStatus().getError());
    assertEquals(1, good.getQueryResults().getTotalRows());
    BigQueryException e =
        assertThrows(BigQueryException.class, () -> rows("SELECT FROM nowhere at all"));
    assertEquals("invalidQuery", e.getReason());
    e = assertThrows(BigQueryException.class, () -> rows("SELECT 1 FROM " + DATASET + ".nowhere"));
    assertEquals(404, e.getCode());
  }

  @Test
  void linesAreLoadedThroughAWriteChannel() throws Exception {
    TableId id = table();
    TableDataWriteChannel channel =
        client.writer(
            WriteChannelConfiguration.newBuilder(id)
                .setFormatOptions(FormatOptions.json())
                .setSchema(SCHEMA)
                .build());
    try (channel) {
      for (int i = 0; i < 100; i++) {
        channel.write(
            ByteBuffer.wrap(
                ("{\"id\":\"l" + i + "\",\"n\":" + i + "}\n").getBytes(StandardCharsets.UTF_8)));
      }
    }
    Job job = channel.getJob().waitFor();
    assertNull(job.getStatus().getError(), () -> "" + job.getStatus().getError());
    List<FieldValueList> found = rows("SELECT COUNT(*) AS c, SUM(n) AS s FROM " + name(id));
    assertEquals(100, found.get(0).get("c").getLongValue());
    assertEquals(4950, found.get(0).get("s").getLongValue());
  }

  @Test
  void rowsAreChangedByStatements() throws Exception {
    TableId id = table();
    rows("INSERT INTO " + name(id) + " (id, n) VALUES ('a', 1), ('b', 2)");
    rows("UPDATE " + name(id) + " SET n = n * 10 WHERE id = 'b'");
    rows("DELETE FROM " + name(id) + " WHERE id = 'a'");
    List<FieldValueList> found = rows("SELECT id, n FROM " + name(id));
    assertEquals(1, found.size());
    assertEquals(20, found.get(0).get("n").getLongValue());
  }
}

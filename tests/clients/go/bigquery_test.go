// SPDX-License-Identifier: Apache-2.0

// The official Go client of BigQuery against the emulator.
package clients

import (
	"context"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

type item struct {
	ID   string    `bigquery:"id"`
	N    int64     `bigquery:"n"`
	At   time.Time `bigquery:"at"`
	Tags []string  `bigquery:"tags"`
}

func newBigQuery(t *testing.T) (*bigquery.Client, *bigquery.Dataset, context.Context) {
	t.Helper()
	host := os.Getenv("BIGQUERY_EMULATOR_HOST")
	if host == "" {
		t.Skip("BIGQUERY_EMULATOR_HOST is not set")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	client, err := bigquery.NewClient(ctx, os.Getenv("GOOGLE_CLOUD_PROJECT"),
		option.WithEndpoint(host+"/bigquery/v2/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	dataset := client.Dataset("go_" + t.Name())
	if err := dataset.Create(ctx, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dataset.DeleteWithContents(ctx); err != nil {
			t.Error(err)
		}
		client.Close()
		cancel()
	})
	return client, dataset, ctx
}

func statusOf(err error) int {
	var api *googleapi.Error
	if errors.As(err, &api) {
		return api.Code
	}
	return 0
}

func TestInsertedRowsAreQueried(t *testing.T) {
	client, dataset, ctx := newBigQuery(t)
	schema, err := bigquery.InferSchema(item{})
	if err != nil {
		t.Fatal(err)
	}
	table := dataset.Table("items")
	if err := table.Create(ctx, &bigquery.TableMetadata{
		Schema:           schema,
		TimePartitioning: &bigquery.TimePartitioning{Field: "at"},
	}); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	sent := []*item{{"a", 1, at, []string{"x", "y"}}, {"b", 2, at.Add(time.Second), nil}}
	if err := table.Inserter().Put(ctx, sent); err != nil {
		t.Fatal(err)
	}
	query := client.Query("SELECT * FROM `" + dataset.DatasetID + ".items` WHERE n >= @n ORDER BY id")
	query.Parameters = []bigquery.QueryParameter{{Name: "n", Value: 1}}
	rows, err := query.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		var got item
		err := rows.Next(&got)
		if err == iterator.Done {
			if i != 2 {
				t.Fatalf("%d rows", i)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != sent[i].ID || got.N != sent[i].N || !got.At.Equal(sent[i].At) || len(got.Tags) != len(sent[i].Tags) {
			t.Fatalf("row %d: %+v", i, got)
		}
	}
}

func TestRefusedRowsAreToldAndNoneIsKept(t *testing.T) {
	client, dataset, ctx := newBigQuery(t)
	table := dataset.Table("strict")
	if err := table.Create(ctx, &bigquery.TableMetadata{Schema: bigquery.Schema{
		{Name: "id", Type: bigquery.StringFieldType, Required: true},
		{Name: "n", Type: bigquery.IntegerFieldType}}}); err != nil {
		t.Fatal(err)
	}
	err := table.Inserter().Put(ctx, []*bigquery.ValuesSaver{
		{Schema: bigquery.Schema{{Name: "id"}}, InsertID: "1", Row: []bigquery.Value{"good"}},
		{Schema: bigquery.Schema{{Name: "n"}}, InsertID: "2", Row: []bigquery.Value{"bad"}}})
	var refused bigquery.PutMultiError
	if !errors.As(err, &refused) || len(refused) != 2 {
		t.Fatalf("%v", err)
	}
	rows, err := client.Query("SELECT COUNT(*) FROM " + dataset.DatasetID + ".strict").Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var n []bigquery.Value
	if err := rows.Next(&n); err != nil || n[0].(int64) != 0 {
		t.Fatalf("%v %v", n, err)
	}
}

func TestResultsComeInPages(t *testing.T) {
	client, _, ctx := newBigQuery(t)
	query := client.Query("SELECT n FROM UNNEST(GENERATE_ARRAY(1, 2500)) AS n ORDER BY n")
	rows, err := query.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows.PageInfo().MaxSize = 1000
	for want := int64(1); ; want++ {
		var got []bigquery.Value
		err := rows.Next(&got)
		if err == iterator.Done {
			if want != 2501 {
				t.Fatalf("%d rows", want-1)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got[0].(int64) != want {
			t.Fatalf("%v instead of %d", got, want)
		}
	}
}

func TestErrorsHaveTheirStatus(t *testing.T) {
	client, dataset, ctx := newBigQuery(t)
	if err := dataset.Create(ctx, nil); statusOf(err) != http.StatusConflict {
		t.Errorf("a dataset twice: %v", err)
	}
	if _, err := dataset.Table("no").Metadata(ctx); statusOf(err) != http.StatusNotFound {
		t.Errorf("no table: %v", err)
	}
	if _, err := client.Query("SELEC 1").Read(ctx); statusOf(err) != http.StatusBadRequest {
		t.Errorf("no SQL: %v", err)
	}
	if _, err := client.Query("SELECT * FROM " + dataset.DatasetID + ".no").Read(ctx); statusOf(err) != http.StatusNotFound {
		t.Errorf("a query of no table: %v", err)
	}
}

func TestMetadataIsUpdatedByItsVersion(t *testing.T) {
	_, dataset, ctx := newBigQuery(t)
	table := dataset.Table("meta")
	if err := table.Create(ctx, &bigquery.TableMetadata{Schema: bigquery.Schema{
		{Name: "id", Type: bigquery.StringFieldType}}}); err != nil {
		t.Fatal(err)
	}
	was, err := table.Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	now, err := table.Update(ctx, bigquery.TableMetadataToUpdate{Description: "first"}, was.ETag)
	if err != nil || now.Description != "first" {
		t.Fatalf("%v %v", now, err)
	}
	_, err = table.Update(ctx, bigquery.TableMetadataToUpdate{Description: "second"}, was.ETag)
	if statusOf(err) != http.StatusPreconditionFailed {
		t.Fatalf("%v", err)
	}
}

using System.Net.Http.Json;
using Testing;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

public sealed class FolderIdempotencyKeyTests(FolderNode node) : IdempotencyKeyTests(node), IClassFixture<FolderNode>;

public sealed class S3IdempotencyKeyTests(S3Node node) : IdempotencyKeyTests(node), IClassFixture<S3Node>;

/// <summary>A client that does not know whether its request arrived sends it again.</summary>
public abstract class IdempotencyKeyTests(UploadNode node)
{
    private static readonly InitiateUpload Photo = new("a.txt", "text/plain", 1_000, "member", "u1", "w1");

    private readonly string key = Guid.CreateVersion7().ToString();
    private readonly UploadHost host = node.Host;

    [Fact]
    public async Task The_same_request_again_is_answered_with_the_same_upload()
    {
        var first = await ReadAsync(await InitAsync(host, Photo), 201);
        var again = await ReadAsync(await InitAsync(host, Photo), 201);
        Assert.Equal(first.GetRawText(), again.GetRawText());
        Assert.Equal(["upload_initiated"], await host.HistoryAsync(first.Id()));

        await ReadAsync(await host.CompleteAsync(first.Id(), await host.SendAsync(first.Id(), 0, new byte[1_000])), 200);
        Assert.Equal(first.GetRawText(), (await ReadAsync(await InitAsync(host, Photo), 201)).GetRawText());
    }

    [Fact]
    public async Task Another_file_under_the_key_is_a_mistake()
    {
        await ReadAsync(await InitAsync(host, Photo), 201);
        await RefusedAsync(await InitAsync(host, Photo with { SizeBytes = 1_001 }), 422, "IDEMPOTENCY_KEY_REUSED");
        await RefusedAsync(await InitAsync(host, Photo with { FileName = "b.txt" }), 422, "IDEMPOTENCY_KEY_REUSED");
    }

    [Fact]
    public async Task A_key_counts_for_its_user()
    {
        var mine = await ReadAsync(await InitAsync(host, Photo), 201);
        var theirs = await ReadAsync(await InitAsync(host, Photo with { UserId = "u2" }), 201);
        Assert.NotEqual(mine.Id(), theirs.Id());
    }

    [Fact]
    public async Task Of_many_at_once_on_two_nodes_one_begins_it_and_the_others_leave_nothing()
    {
        var counting = new FaultyObjectStorage(node.Storage);
        await using var another = await UploadHost.StartAsync(node.ConnectionString, counting, node.Clock, work: false);
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => InitAsync(i % 2 == 0 ? host : another, Photo with { UserId = "u9" })));
        var uploads = await Task.WhenAll(answers.Select(answer => ReadAsync(answer, 201)));
        Assert.Single(uploads.Select(upload => upload.GetRawText()).Distinct());
        var pending = await node.Storage.ListMultipartsAsync("member/u9/", null, TestContext.Current.CancellationToken);
        Assert.Equal(uploads[0].Key(), Assert.Single(pending.Uploads).Upload.Key);
        await ReadAsync(await host.CompleteAsync(uploads[0].Id(), await another.SendAsync(uploads[0].Id(), 0, new byte[1_000])), 200);
    }

    [Fact]
    public async Task A_request_that_failed_may_be_sent_again()
    {
        var failing = new FaultyObjectStorage(node.Storage);
        await using var fragile = await UploadHost.StartAsync(node.ConnectionString, failing, node.Clock, work: false);
        failing.FailAt(1, afterEffect: false);
        await RefusedAsync(await InitAsync(fragile, Photo), 502, "STORAGE_ERROR");
        await ReadAsync(await InitAsync(fragile, Photo), 201);
        await RefusedAsync(await InitAsync(fragile, Photo with { SizeBytes = -1 }), 422, "IDEMPOTENCY_KEY_REUSED");
    }

    private async Task<HttpResponseMessage> InitAsync(UploadHost on, InitiateUpload command)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/uploads/init") { Content = JsonContent.Create(command) };
        request.Headers.Add("Idempotency-Key", key);
        return await on.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}

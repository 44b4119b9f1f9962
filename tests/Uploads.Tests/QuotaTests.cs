using System.Net;
using System.Net.Http.Json;
using Npgsql;
using Testing;
using Xunit;
using static Uploads.Tests.UploadHost;

namespace Uploads.Tests;

public sealed class FolderQuotaTests : QuotaTests
{
    internal override UploadNode Node { get; } = new FolderNode();
}

public sealed class S3QuotaTests : QuotaTests
{
    internal override UploadNode Node { get; } = new S3Node();
}

/// <summary>A node of its own for each test: settings hold for all of it.</summary>
public abstract class QuotaTests : IAsyncLifetime
{
    internal abstract UploadNode Node { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private UploadHost Host => Node.Host;

    public ValueTask InitializeAsync() => Node.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task The_whole_size_counts_from_the_beginning_of_an_upload()
    {
        await SetAsync(new { roles = new { member = new { quotaPerUserBytes = 1_000 } } });
        await Host.InitAsync(600);
        var problem = await RefusedAsync(await Host.PostInitAsync(401), 403, "QUOTA_EXCEEDED");
        Assert.Equal(("user", 1_000), (problem.GetProperty("quota").GetString(), problem.GetProperty("quotaBytes").GetInt64()));
        await Host.InitAsync(400);
        await RefusedAsync(await Host.PostInitAsync(1), 403, "QUOTA_EXCEEDED");
        await ReadAsync(await InitAsync("u2", "member"), 201);
        await ReadAsync(await InitAsync("u3", "creator"), 201);
    }

    [Fact]
    public async Task A_user_and_a_wedding_may_have_quotas_of_their_own()
    {
        await SetAsync(new
        {
            quotaPerWeddingBytes = 1_500,
            userQuotasBytes = new { u2 = 3_000 },
            weddingQuotasBytes = new { large = 5_000 },
            roles = new { member = new { quotaPerUserBytes = 1_000 } },
        });
        await ReadAsync(await InitAsync("u1", "member", 1_000, "small"), 201);
        await RefusedAsync(await InitAsync("u1", "member", 1, "large"), 403, "QUOTA_EXCEEDED");
        var problem = await RefusedAsync(await InitAsync("u2", "member", 501, "small"), 403, "QUOTA_EXCEEDED");
        Assert.Equal("wedding", problem.GetProperty("quota").GetString());
        await ReadAsync(await InitAsync("u2", "member", 500, "small"), 201);
        await ReadAsync(await InitAsync("u2", "member", 2_500, "large"), 201);
        await RefusedAsync(await InitAsync("u2", "member", 1), 403, "QUOTA_EXCEEDED");
    }

    [Fact]
    public async Task Uploads_begun_at_once_on_two_nodes_never_take_more_than_there_is()
    {
        await SetAsync(new { quotaPerWeddingBytes = 1_000 });
        await using var another = await UploadHost.StartAsync(Node.ConnectionString, Node.Storage, Node.Clock, work: false);
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => (i % 2 == 0 ? Host : another).PostInitAsync(100, weddingId: "w1")));
        Assert.Equal(10, answers.Count(answer => answer.StatusCode is HttpStatusCode.Created));
        Assert.All(answers, answer => Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.Created, HttpStatusCode.Forbidden }));
    }

    [Fact]
    public async Task An_aborted_and_an_expired_upload_give_back_what_they_had()
    {
        await SetAsync(new { quotaPerWeddingBytes = 1_000 });
        var aborted = await Host.InitAsync(1_000, weddingId: "w1");
        using (await Host.Client.DeleteAsync($"/v1/uploads/{aborted.Id()}", Cancellation))
        {
            await Eventually.HoldsAsync(async () => (await Host.PostInitAsync(1_000, weddingId: "w1")).StatusCode is HttpStatusCode.Created);
        }

        await RefusedAsync(await Host.PostInitAsync(1, weddingId: "w1"), 403, "QUOTA_EXCEEDED");
        Node.Clock.Shift = TimeSpan.FromDays(6);
        await Eventually.HoldsAsync(async () =>
        {
            await Host.Sweep.SweepAsync(Cancellation);
            return (await Host.PostInitAsync(1_000, weddingId: "w1")).StatusCode is HttpStatusCode.Created;
        });
    }

    [Fact]
    public async Task Quotas_are_looked_at_again_when_an_upload_completes_and_those_begun_first_have_the_room()
    {
        var first = (await Host.InitAsync(1_000, weddingId: "w1")).Id();
        var second = (await Host.InitAsync(1_000, weddingId: "w1")).Id();
        var (firstPart, secondPart) = (await Host.SendAsync(first, 0, new byte[1_000]), await Host.SendAsync(second, 0, new byte[1_000]));
        await SetAsync(new { quotaPerWeddingBytes = 1_999 });
        await RefusedAsync(await Host.CompleteAsync(second, secondPart), 403, "QUOTA_EXCEEDED");
        await ReadAsync(await Host.CompleteAsync(first, firstPart), 200);
        await RefusedAsync(await Host.CompleteAsync(second, secondPart), 403, "QUOTA_EXCEEDED");
        await SetAsync(new { quotaPerWeddingBytes = 2_000 });
        await ReadAsync(await Host.CompleteAsync(second, secondPart), 200);
        await ReadAsync(await Host.CompleteAsync(first, firstPart), 200);
    }

    [Fact]
    public async Task A_user_has_only_so_many_uploads_under_way()
    {
        await SetAsync(new { maxOpenUploadsPerUser = 2 });
        var first = (await Host.InitAsync(1_000)).Id();
        await Host.InitAsync(0);
        using var refused = await Host.PostInitAsync(1_000);
        Assert.Equal(TimeSpan.FromSeconds(10), refused.Headers.RetryAfter?.Delta);
        var problem = await RefusedAsync(refused, 429, "TOO_MANY_UPLOADS");
        Assert.Equal(2, problem.GetProperty("maxOpenUploads").GetInt32());
        await ReadAsync(await InitAsync("u2", "member"), 201);
        await ReadAsync(await Host.CompleteAsync(first, await Host.SendAsync(first, 0, new byte[1_000])), 200);
        await Eventually.HoldsAsync(async () => (await Host.PostInitAsync(1_000)).StatusCode is HttpStatusCode.Created);
    }

    [Fact]
    public async Task What_could_not_be_begun_takes_no_room()
    {
        await SetAsync(new { quotaPerWeddingBytes = 1_000 });
        var failing = new FaultyObjectStorage(Node.Storage);
        await using var fragile = await UploadHost.StartAsync(Node.ConnectionString, failing, Node.Clock, work: false);
        failing.FailAt(1, afterEffect: false);
        await RefusedAsync(await fragile.PostInitAsync(1_000, weddingId: "w1"), 502, "STORAGE_ERROR");
        await fragile.InitAsync(1_000, weddingId: "w1");
    }

    [Fact]
    public async Task A_reservation_whose_process_died_is_swept_up_and_one_that_is_needed_is_not()
    {
        await using var database = NpgsqlDataSource.Create(Node.ConnectionString);
        var begun = (await Host.InitAsync(1)).Id();
        await Eventually.HoldsAsync(async () => await CountAsync() == 0);
        await using (var insert = database.CreateCommand(
            $"insert into uploads.reservation (upload_id, user_id, size_bytes) values ('{begun}', 'u1', 1), ('{Guid.CreateVersion7()}', 'u1', 1)"))
        {
            await insert.ExecuteNonQueryAsync(Cancellation);
        }

        await Host.Sweep.SweepAsync(Cancellation);
        Assert.Equal(2, await CountAsync());
        Node.Clock.Shift = TimeSpan.FromMinutes(6);
        await Host.Sweep.SweepAsync(Cancellation);
        Assert.Equal(1, await CountAsync());

        async Task<long> CountAsync()
        {
            await using var count = database.CreateCommand("select count(*) from uploads.reservation");
            return (long)(await count.ExecuteScalarAsync(Cancellation))!;
        }
    }

    private async Task SetAsync(object settings)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/uploads/settings")
        {
            Content = JsonContent.Create(settings),
            Headers = { { "If-Match", "*" } },
        };
        await ReadAsync(await Host.Client.SendAsync(request, Cancellation), 200);
    }

    private Task<HttpResponseMessage> InitAsync(string userId, string userRole, long sizeBytes = 1_000, string? weddingId = null) =>
        Host.PostAsync("/v1/uploads/init", new InitiateUpload("a.txt", "text/plain", sizeBytes, userRole, userId, weddingId));
}

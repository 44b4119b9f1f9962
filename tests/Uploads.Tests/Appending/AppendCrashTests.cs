using System.Globalization;
using System.Security.Cryptography;
using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

/// <summary>
/// The store or the database breaks at call n, for every n, before or after it took effect; or the node dies and another goes on. The client does
/// what clients do: it asks for the offset and sends the rest. No byte that was acknowledged is asked for again, and the file is whole.
/// </summary>
public sealed class AppendCrashTests : IAsyncLifetime
{
    private static readonly byte[] Bytes = RandomNumberGenerator.GetBytes((8 << 20) + 2_000_000);

    // Three appends: a tail; one that takes it up, fills the part and leaves another tail; the end.
    private static readonly int[] Ends = [3_000_000, 9_000_000, Bytes.Length];

    private readonly string folder = Directory.CreateTempSubdirectory("appends-").FullName;
    private readonly ShiftedClock clock = new();
    private TestDatabase database = null!;
    private FaultyPostgres postgres = null!;
    private FaultyObjectStorage storage = null!;

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        postgres = new FaultyPostgres(database.ConnectionString);
        storage = new FaultyObjectStorage(new FolderObjectStorage(folder, TimeProvider.System));
    }

    public async ValueTask DisposeAsync()
    {
        await postgres.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Appends_survive_a_fault_at_every_call(bool inDatabase, bool afterEffect)
    {
        await using var host = await UploadHost.StartAsync(postgres.ConnectionString, storage, clock, work: false);
        var broken = 0;
        for (var call = 1; ; call++)
        {
            if (inDatabase)
            {
                postgres.FailAt(call, afterEffect);
            }
            else
            {
                storage.FailAt(call, afterEffect);
            }

            var (faults, asked, queried) = await UploadAsync(new(host), new(host));
            broken += faults;
            if ((inDatabase ? queried : asked) < call)
            {
                Assert.Equal(0, faults);
                break;
            }
        }

        Assert.True(broken >= 5, $"Only {broken} requests met a fault: the faults do not reach what they should.");
    }

    [Fact]
    public async Task Appends_go_on_at_another_node_when_theirs_dies_at_any_call()
    {
        await using var another = await UploadHost.StartAsync(database.ConnectionString, storage, clock, work: false);
        for (var call = 1; call <= 9; call++)
        {
            foreach (var afterEffect in new[] { false, true })
            {
                await using var dying = await UploadHost.StartAsync(database.ConnectionString, storage, clock, work: false);
                storage.FailAt(call, afterEffect);
                await UploadAsync(new(dying), new(another));
            }
        }
    }

    /// <summary>Uploads the file by tus, and at the first fault goes on at the node <paramref name="then"/>.</summary>
    private async Task<(int Faults, int Asked, int Queried)> UploadAsync(AppendClient first, AppendClient then)
    {
        var (client, faults, acknowledged) = (first, 0, 0L);
        var url = (await PatientlyAsync(() => client.TusPostAsync($"Upload-Length: {Bytes.Length}")))["Location"];
        while (acknowledged < Bytes.Length)
        {
            var offset = await OffsetAsync();
            Assert.True(offset >= acknowledged, $"{acknowledged} bytes were acknowledged, now the offset is {offset}.");
            var end = Array.Find(Ends, end => end > offset || end == Bytes.Length);
            var answer = end == offset ? null : await client.TusPatchAsync(url, offset, Bytes[(int)offset..end]);
            acknowledged = answer is null ? offset : answer.Status == 204 ? end : offset;
            if (answer is { Status: not 204 })
            {
                Recover(answer);
            }
        }

        await OffsetAsync();
        var (asked, queried) = (storage.Calls, postgres.Calls);
        storage.FailAt(0, false);
        postgres.FailAt(0, false);
        await then.HoldsAsync(url, storage, Bytes);
        return (faults, asked, queried);

        async Task<long> OffsetAsync() => long.Parse((await PatientlyAsync(() => client.TusHeadAsync(url)))["Upload-Offset"], CultureInfo.InvariantCulture);

        async Task<Answer> PatientlyAsync(Func<Task<Answer>> send)
        {
            for (var attempt = 0; ; attempt++)
            {
                var answer = await send();
                if (answer.Status is 200 or 201)
                    return answer;
                Assert.True(attempt < 5, $"{answer.Status}: {answer.Body}");
                Recover(answer);
            }
        }

        void Recover(Answer answer)
        {
            Assert.True(answer.Status is 502 or 503 or 409, $"{answer.Status} is no answer that invites to try again: {answer.Body}");
            if (answer.Status == 409)
            {
                // COMPLETE_IN_PROGRESS at the other node: the lease of the first one runs out.
                clock.Shift += Upload.CompletionLease;
                return;
            }

            (client, faults) = (then, faults + 1);
        }
    }
}

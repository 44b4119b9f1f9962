using Npgsql;
using Xunit;

namespace Host.Tests;

/// <summary>Albums as the log has them, read beside the hosts that write it.</summary>
internal sealed class AlbumEvents(string connectionString) : IAsyncDisposable
{
    private readonly NpgsqlDataSource events = NpgsqlDataSource.Create(connectionString);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    internal Task<long> CountAsync(string album, string type) =>
        ScalarAsync<long>(album, $"select count(*) from mt_events where stream_id = $1 and type = '{type}'");

    internal Task<long> BytesAsync(string album) =>
        ScalarAsync<long>(album, "select (data->>'SizeBytes')::bigint from mt_events where stream_id = $1 and type = 'plan_frozen'");

    /// <summary>Of the n-th attempt, from 1: the process that made it, and when it began.</summary>
    internal async Task<(int ProcessId, DateTime At)> AttemptAsync(string album, int number)
    {
        await using var query = Query(album, """
            select data->>'Node', timestamp from mt_events where stream_id = $1 and type = 'attempt_started' order by version offset $2 limit 1
            """);
        query.Parameters.Add(new() { Value = number - 1 });
        await using var rows = await query.ExecuteReaderAsync(Cancellation);
        return await rows.ReadAsync(Cancellation) ? (int.Parse(rows.GetString(0).Split('/')[^1], null), rows.GetDateTime(1)) : default;
    }

    /// <summary>Returns as soon as there are so many events of a type, while the album is being made.</summary>
    internal async Task WaitForAsync(string album, string type, int count)
    {
        while (await CountAsync(album, type) < count)
        {
            Assert.True(await CountAsync(album, "album_completed") == 0, "The album was complete before it could be disturbed: make it larger.");
            await Task.Delay(2, Cancellation);
        }
    }

    /// <summary>However often hosts died or paused: one plan, one upload, each part and each file once.</summary>
    internal async Task AssertEachOnceAsync(string album) => Assert.Equal(0, await ScalarAsync<long>(album, """
        select count(*) from (
            select 1 from mt_events where stream_id = $1 and type = 'part_stored' group by data->>'Number' having count(*) > 1
            union all
            select 1 from mt_events where stream_id = $1 and type = 'file_zipped' group by data->>'Index' having count(*) > 1
            union all
            select 1 from mt_events where stream_id = $1 and type in ('album_completed', 'plan_frozen', 'multipart_begun')
            group by type having count(*) > 1) twice
        """));

    /// <summary>Whether the attempt that finished the album read no more than its own parts and those that were under way before it.</summary>
    internal async Task AssertReadOnceAsync(string album, long bytesInFlight)
    {
        var read = await ScalarAsync<long>(album, "select (data->>'BytesOut')::bigint from mt_events where stream_id = $1 and type = 'work_metered'");
        var packed = await ScalarAsync<decimal>(album, """
            select sum((data->>'SizeBytes')::bigint) from mt_events where stream_id = $1 and type = 'part_stored'
            and version > (select max(version) from mt_events where stream_id = $1 and type = 'attempt_started')
            """);
        Assert.InRange(read, 1, (long)packed + bytesInFlight);
    }

    public ValueTask DisposeAsync() => events.DisposeAsync();

    private async Task<T> ScalarAsync<T>(string album, string sql)
    {
        await using var query = Query(album, sql);
        return (T)(await query.ExecuteScalarAsync(Cancellation))!;
    }

    private NpgsqlCommand Query(string album, string sql)
    {
        var query = events.CreateCommand(sql);
        query.Parameters.Add(new() { Value = $"album-{album.Split('/')[^1]}" });
        return query;
    }
}

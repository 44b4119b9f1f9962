using Npgsql;
using Platform.Storage;
using Xunit;

namespace Albums.Tests;

/// <summary>
/// The product's promise: whatever call of an attempt fails, the next attempt goes on, and what it makes is the same. One album after the other,
/// each with a fault one call later, until the attempt makes no more calls.
/// </summary>
/// <param name="isDatabase">Whether the database fails, rather than the store.</param>
/// <param name="afterEffect">Whether the call has its effect, and only the answer is lost.</param>
internal sealed class CrashLoop(AlbumWorkshop workshop, bool isDatabase, bool afterEffect)
{
    /// <param name="prepare">An album that waits for an attempt.</param>
    /// <param name="made">What can be compared of what was made.</param>
    /// <param name="check">Looks at the album and its history once it is complete; the message says where it was disturbed.</param>
    internal async Task RunAsync<T>(Func<Task<Guid>> prepare, Func<Guid, Task<T>> made, Func<Guid, List<IAlbumEvent>, string, Task> check)
    {
        var undisturbed = await prepare();
        FailAt(0);
        await workshop.AttemptAsync(undisturbed);
        var count = isDatabase ? workshop.Postgres.Calls : workshop.Storage.Calls;
        var expected = await made(undisturbed);
        await check(undisturbed, await workshop.HistoryAsync(undisturbed), "undisturbed");
        Assert.InRange(count, 10, 200);

        var failed = 0;
        for (var call = 1; call <= count; call++)
        {
            var id = await prepare();
            FailAt(call);
            try
            {
                await workshop.AttemptAsync(id);
            }
            catch (Exception e) when (isDatabase ? e is NpgsqlException : e is StorageException)
            {
                failed++;
            }

            FailAt(0);
            await workshop.AttemptAsync(id);
            Assert.Equal(expected, await made(id));
            await check(id, await workshop.HistoryAsync(id), $"after a fault at call {call}");
        }

        Assert.InRange(failed, count / 2, count); // the rest are faults that the attempt itself gets over
    }

    private void FailAt(int call)
    {
        if (isDatabase)
        {
            workshop.Postgres.FailAt(call, afterEffect);
        }
        else
        {
            workshop.Storage.FailAt(call, afterEffect);
        }
    }
}

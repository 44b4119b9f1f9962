using Microsoft.Extensions.DependencyInjection;
using Testing;
using Xunit;

namespace Albums.Tests;

/// <summary>What a receiver is told while an album is packed, without a worker: the tests are the worker.</summary>
public sealed class SendAlbumProgressTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 6, 20, 12, 0, 0, TimeSpan.Zero);

    private readonly Guid id = Guid.CreateVersion7();
    private readonly SetClock clock = new();
    private AlbumWorkshop workshop = null!;
    private WebhookReceiver receiver = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        receiver = await WebhookReceiver.StartAsync();
        workshop = await AlbumWorkshop.CreateAsync(clock: clock, settings: new()
        {
            ["Webhooks:Secret"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            ["Outbound:PrivateHosts"] = $"127.0.0.1:{receiver.Url.Port}",
        });
        await AppendAsync(
            new AlbumRequested("ann-bob", [], "photos/", [], Start, new Uri(receiver.Url, "hook").ToString()),
            new AttemptStarted("node/1", Start),
            new PlanFrozen("albums/x/plan.json", "ab12", 1, 100, 3, 300, Start),
            new MultipartBegun("albums/x/ann-bob.zip", "upload-1"),
            Part(1));
    }

    public async ValueTask DisposeAsync()
    {
        await workshop.DisposeAsync();
        await receiver.DisposeAsync();
    }

    [Fact]
    public async Task Progress_is_told_no_sooner_than_the_interval_after_the_last_and_never_after_the_end()
    {
        await SendAsync(Start.AddSeconds(10));
        await AppendAsync(Part(2));
        await SendAsync(Start.AddSeconds(15));
        Assert.Contains("\"bytes\":{\"total\":300,\"done\":100}", Assert.Single(receiver.Messages).Body, StringComparison.Ordinal);

        await SendAsync(Start.AddSeconds(20));
        Assert.Contains("\"bytes\":{\"total\":300,\"done\":200}", receiver.Messages[^1].Body, StringComparison.Ordinal);
        Assert.Equal(2, receiver.Messages.Select(message => message.Id).Distinct().Count());

        await AppendAsync(new AlbumCancelled("eve", Start));
        await SendAsync(Start.AddSeconds(60));
        Assert.Equal(2, receiver.Messages.Count);
    }

    [Fact]
    public async Task A_receiver_that_does_not_take_it_is_told_the_next()
    {
        receiver.Answer = context =>
        {
            context.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        await SendAsync(Start);
        receiver.Answer = _ => Task.CompletedTask;
        await AppendAsync(Part(2));
        await SendAsync(Start.AddSeconds(10));
        Assert.Equal(2, receiver.Messages.Count);
    }

    private Task AppendAsync(params IAlbumEvent[] events) => workshop.Events.DecideAsync<Album, IAlbumEvent>(id, _ => events, Cancel);

    private Task SendAsync(DateTimeOffset now)
    {
        clock.Now = now;
        return ActivatorUtilities.CreateInstance<SendAlbumProgressHandler>(workshop.Services).RunAsync(new SendAlbumProgress(id), Cancel);
    }

    private static PartStored Part(int number) => new(number, $"etag-{number}", 100, [new Segment(0, 0, 1, 2)], Start.AddSeconds(number));

    private sealed class SetClock : TimeProvider
    {
        internal DateTimeOffset Now { get; set; } = Start;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

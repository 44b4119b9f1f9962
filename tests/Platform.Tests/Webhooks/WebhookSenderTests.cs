using System.Collections.Frozen;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Platform.Events;
using Platform.Http;
using Platform.Webhooks;
using Testing;
using Xunit;

namespace Platform.Tests.Webhooks;

public sealed class WebhookSenderTests : IAsyncLifetime
{
    private const string Subject = "thing-1";
    private static readonly Guid Thing = Guid.CreateVersion7();
    private static readonly DateTimeOffset At = new(2026, 6, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly WebhookOptions Signed = new() { Secrets = [new byte[32]] };

    private TestDatabase database = null!;
    private EventsHost node = null!;
    private WebhookReceiver receiver = null!;
    private OutboundHttp http = null!;
    private WebhookSender sender = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private OutboundOptions ToReceiver => new(FrozenSet.Create(StringComparer.Ordinal, $"127.0.0.1:{receiver.Url.Port}"));

    public async ValueTask InitializeAsync()
    {
        database = await TestPostgres.CreateDatabaseAsync();
        var settings = new ConfigurationBuilder().Build();
        node = await EventsHost.StartAsync(database.ConnectionString, services => services.AddErrors().AddWebhooks(settings));
        receiver = await WebhookReceiver.StartAsync();
        http = new OutboundHttp(ToReceiver);
        sender = Create(Signed);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await receiver.DisposeAsync();
        await node.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task A_message_is_signed_and_delivered_once()
    {
        await DeliverAsync(Message());
        await DeliverAsync(Message());

        var message = Assert.Single(receiver.Messages);
        Assert.Equal("""{"type":"thing.done","version":1,"timestamp":"2026-06-20T12:00:00+00:00","data":{"thingId":7}}""", message.Body);
        Assert.Equal(WebhookMessage.IdOf(Thing, 3), message.Id);
        Assert.Equal("application/json", message.Headers["Content-Type"]);
        var at = DateTimeOffset.FromUnixTimeSeconds(long.Parse(message.Headers["webhook-timestamp"].ToString(), null));
        Assert.Equal(
            WebhookSignature.Of(Signed.Secrets, message.Id, at, Encoding.UTF8.GetBytes(message.Body)), message.Headers["webhook-signature"].ToString());
        Assert.Equal((WebhookStatus.Delivered, 1, 200), Outcome(await OneDeliveryAsync()));
    }

    [Fact]
    public async Task A_receiver_that_fails_first_gets_the_same_message_again()
    {
        receiver.Answer = context =>
        {
            context.Response.StatusCode = receiver.Messages.Count < 3 ? 503 : 204;
            return Task.CompletedTask;
        };
        await Assert.ThrowsAsync<WebhookException>(() => DeliverAsync(Message()));
        await Assert.ThrowsAsync<WebhookException>(() => DeliverAsync(Message()));
        Assert.Equal((WebhookStatus.Pending, 2, 503), Outcome(await OneDeliveryAsync()));
        await DeliverAsync(Message());
        Assert.Equal((WebhookStatus.Delivered, 3, 204), Outcome(await OneDeliveryAsync()));
        Assert.Single(receiver.Messages.Select(message => (message.Id, message.Body)).Distinct());
    }

    [Fact]
    public async Task A_redirect_is_a_failure_and_not_followed()
    {
        receiver.Answer = context =>
        {
            context.Response.Redirect($"{receiver.Url}elsewhere", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        };
        await Assert.ThrowsAsync<WebhookException>(() => DeliverAsync(Message()));
        Assert.Equal("/hook", Assert.Single(receiver.Messages).Path);
        Assert.Equal((WebhookStatus.Pending, 1, 307), Outcome(await OneDeliveryAsync()));
    }

    [Fact]
    public async Task A_receiver_that_does_not_answer_in_time_is_tried_again()
    {
        receiver.Answer = context => Task.Delay(Timeout.Infinite, context.RequestAborted);
        using var impatient = new OutboundHttp(ToReceiver with { AnswerLimit = TimeSpan.FromSeconds(1) });
        await Assert.ThrowsAsync<WebhookException>(
            () => Create(Signed, impatient).DeliverAsync(Subject, _ => Task.FromResult<WebhookMessage?>(Message()), Cancel));
        var delivery = await OneDeliveryAsync();
        Assert.Equal((WebhookStatus.Pending, 1, null), Outcome(delivery));
        Assert.Contains("did not answer", delivery.LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_is_not_reached_in_time_is_tried_again()
    {
        using var lost = new OutboundHttp(ToReceiver with { ConnectLimit = TimeSpan.FromSeconds(1) }, async (_, cancellationToken) =>
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return [];
        });
        await Assert.ThrowsAsync<WebhookException>(
            () => Create(Signed, lost).DeliverAsync(Subject, _ => Task.FromResult<WebhookMessage?>(Message()), Cancel));
        var delivery = await OneDeliveryAsync();
        Assert.Equal((WebhookStatus.Pending, 1, null), Outcome(delivery));
        Assert.Contains("was not reached", delivery.LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endless_answer_is_not_read()
    {
        var cutOff = new TaskCompletionSource();
        receiver.Answer = async context =>
        {
            try
            {
                for (var block = new byte[64 * 1024]; ;)
                {
                    await context.Response.Body.WriteAsync(block, context.RequestAborted);
                }
            }
            finally
            {
                cutOff.TrySetResult();
            }
        };
        await DeliverAsync(Message());
        await cutOff.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel); // the receiver's connection ended though its answer did not
        Assert.Equal((WebhookStatus.Delivered, 1, 200), Outcome(await OneDeliveryAsync()));
    }

    [Fact]
    public async Task A_receiver_that_is_gone_is_not_tried_again()
    {
        receiver.Answer = context =>
        {
            context.Response.StatusCode = 410;
            return Task.CompletedTask;
        };
        await DeliverAsync(Message());
        Assert.Equal((WebhookStatus.Failed, 1, 410), Outcome(await OneDeliveryAsync()));
    }

    [Fact]
    public async Task An_address_that_turns_out_to_be_private_is_not_asked()
    {
        using var outbound = new OutboundHttp(
            new OutboundOptions(FrozenSet<string>.Empty), (_, _) => Task.FromResult(new[] { System.Net.IPAddress.Parse("169.254.169.254") }));
        var careful = Create(Signed, outbound);
        careful.Demand("https://receiver.example/hook");
        await careful.DeliverAsync(Subject, _ => Task.FromResult<WebhookMessage?>(Message() with { Url = new Uri("https://receiver.example/hook") }), Cancel);
        var delivery = await OneDeliveryAsync();
        Assert.Equal((WebhookStatus.Failed, 1, null), Outcome(delivery));
        Assert.Contains("public internet", delivery.LastError, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://receiver.example/hook")]
    [InlineData("https://10.0.0.1/hook")]
    [InlineData("https://[::1]/hook")]
    [InlineData("https://user:password@receiver.example/hook")]
    [InlineData("/hook")]
    [InlineData("file:///etc/passwd")]
    [InlineData("")]
    public void An_address_that_may_not_be_asked_is_refused(string url) =>
        Assert.Equal("INVALID_WEBHOOK_URL", Assert.Throws<CommandRefusedException>(() => sender.Demand(url)).Code);

    [Fact]
    public void Without_a_secret_there_are_no_webhooks() => Assert.Equal(
        "WEBHOOKS_DISABLED", Assert.Throws<CommandRefusedException>(() => Create(new WebhookOptions()).Demand("https://receiver.example/hook")).Code);

    [Fact]
    public async Task Messages_about_one_thing_are_sent_one_at_a_time_and_composed_when_their_turn_has_come()
    {
        var first = new TaskCompletionSource();
        receiver.Answer = context =>
            context.Request.Headers["webhook-id"] == WebhookMessage.IdOf(Thing, 3) ? first.Task : Task.CompletedTask;
        var sending = DeliverAsync(Message(version: 3));
        while (receiver.Messages.Count == 0)
        {
            await Task.Delay(5, Cancel);
        }

        var composed = false;
        var waiting = sender.DeliverAsync(
            Subject,
            _ =>
            {
                composed = true;
                return Task.FromResult<WebhookMessage?>(Message(version: 4));
            },
            Cancel);
        await DeliverAsync(Message(version: 5), subject: "thing-2"); // others do not wait
        Assert.False(composed);
        first.SetResult();
        await Task.WhenAll(sending, waiting);
        Assert.Equal([3, 5, 4], receiver.Messages.Select(message => WebhookMessage.VersionOf(message.Id, Thing)));
    }

    [Fact]
    public async Task What_was_delivered_or_given_up_is_sent_again_where_somebody_asks_for_it()
    {
        await DeliverAsync(Message());
        await sender.RequestRedeliveryAsync(Subject, Message().Id, "eve", Cancel);
        Assert.Equal(WebhookStatus.Pending, (await OneDeliveryAsync()).Status);
        await DeliverAsync(Message());
        Assert.Equal((WebhookStatus.Delivered, 2, 200), Outcome(await OneDeliveryAsync()));

        await sender.GiveUpAsync(Subject, Message().Id, Cancel);
        Assert.Equal(WebhookStatus.Failed, (await OneDeliveryAsync()).Status);
        await sender.RequestRedeliveryAsync(Subject, Message().Id, "eve", Cancel);
        await DeliverAsync(Message());
        Assert.Equal(3, receiver.Messages.Count);
    }

    [Fact]
    public async Task Of_very_many_messages_the_last_are_listed()
    {
        foreach (var version in Enumerable.Range(1, 205))
        {
            await sender.GiveUpAsync(Subject, WebhookMessage.IdOf(Thing, version), Cancel);
        }

        var list = await sender.ListAsync(Subject, Cancel);
        Assert.Equal((200, WebhookMessage.IdOf(Thing, 205)), (list.Count, list[0].WebhookId));
    }

    [Theory]
    [InlineData("msg_")]
    [InlineData("msg_00000000000000000000000000000000_1")]
    [InlineData("nonsense")]
    public void An_id_of_something_else_has_no_version(string id) => Assert.Null(WebhookMessage.VersionOf(id, Thing));

    private WebhookSender Create(WebhookOptions options, OutboundHttp? outbound = null) => new(
        options, outbound ?? http, node.Store, node.Database, node.Services.GetRequiredService<IOptions<JsonOptions>>(), TimeProvider.System);

    private Task DeliverAsync(WebhookMessage message, string subject = Subject) =>
        sender.DeliverAsync(subject, _ => Task.FromResult<WebhookMessage?>(message), Cancel);

    private async Task<WebhookDelivery> OneDeliveryAsync() => Assert.Single(await sender.ListAsync(Subject, Cancel));

    private WebhookMessage Message(long version = 3) =>
        new(WebhookMessage.IdOf(Thing, version), "thing.done", new Uri(receiver.Url, "hook?token=secret"), At, new { ThingId = 7 });

    private static (WebhookStatus Status, int Attempts, int? Answer) Outcome(WebhookDelivery delivery) =>
        (delivery.Status, delivery.Attempts, delivery.LastAnswer);
}

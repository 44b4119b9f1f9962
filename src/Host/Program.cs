using Host;
using Platform.Accounts;
using Platform.Costs;
using Platform.Events;
using Platform.Http;
using Platform.Jobs;
using Platform.Mail;
using Platform.Storage;
using Platform.Webhooks;

try
{
    if (await Verbs.RunAloneAsync(args) is { } exitCode)
        return exitCode;

    Unicode.Demand();
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    var configuration = builder.Configuration;
    var roles = Roles.Read(configuration);
    builder.Logging.QuietFailedStarts(builder.Services);
    builder.Services
        .AddTelemetry(configuration)
        .AddHttp(configuration)
        .AddOpenApi(api => api.AddDocumentTransformer((document, _, _) => Task.FromResult(document.Info.Title = "Weddings")))
        .AddReadiness()

        // Before events, because what starts first stops last: a subscription can queue jobs until it has stopped.
        .AddJobs(configuration, roles.Worker)
        .AddEvents(configuration.GetConnectionString("Postgres"), roles.Worker)
        .AddAccounts(configuration, roles.Web)
        .AddCosts(configuration, roles.Worker)
        .AddStorage(configuration)
        .AddMail(configuration)
        .AddWebhooks(configuration)
        .AddModules(configuration, roles);

    await using var app = builder.Build();
    app.UseSpansOfRequests();
    app.UseHttp();
    app.MapHealth();
    if (roles.Web)
    {
        app.MapOpenApi().OpenToAll("it says how to call, and nothing of anybody");
        app.MapAccounts();
        app.MapCosts();
        app.MapModules();
    }

    return await Verbs.RunAsync(app, args);
}
catch (Exception error) when (FailedStart.Explain(error) is { } failure)
{
    await Console.Error.WriteLineAsync(failure.Message);
    return failure.ExitCode;
}

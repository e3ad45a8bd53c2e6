"""What the dashboards are made of: selections, panels, columns, and the frame around them."""

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

KEY = "account_id, user_name, access_key_id"
SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOKS = "https://github.com/iam-key-exporter/iam-key-exporter/blob/main/docs/runbooks"
GOOD, WARNING, BAD = "blue", "orange", "red"
WIDTH = 24


def select(metric, *matchers):
    """The series of a metric that the viewer has chosen."""
    return "%s{%s}" % (metric, ", ".join(['job=~"$job"', 'instance=~"$instance"', *matchers]))


def per_key(metric, *matchers, how="max"):
    """One value a key, however many replicas show it."""
    return f"{how} by ({KEY}) ({select(metric, *matchers)})"


def with_owner(expr, *matchers):
    """The same, with the tag of the key's owner."""
    owners = f"max by ({KEY}, tag_owner) ({select('aws_iam_access_key_info', *matchers)})"
    return f"({expr}) * on ({KEY}) group_left (tag_owner) topk by ({KEY}) (1, {owners})"


def has(label, value):
    """A matcher."""
    return f'{label}="{value}"'


READ = select("aws_iam_account_data_timestamp_seconds", 'data="census"')
WATCHED = select("aws_iam_account_up")


def or_zero(expr, where=READ):
    """A healthy fleet shows 0 and not that there is no data; one that nobody has read shows that."""
    return f"({expr}) or 0 * count({where})"


def policy(limit):
    """A configured limit in seconds."""
    return f"scalar(max({select('iam_key_exporter_policy_seconds', has('limit', limit))}))"


def query(expr, ref="A", legend="__auto", is_table=False):
    target = prometheus.Dataquery().expr(expr).ref_id(ref).legend_format(legend).datasource(SOURCE)
    if is_table:
        return target.instant().format(PromQueryFormat.TABLE)
    return target


def steps(*pairs):
    """Colours from values on; the first has no lower bound."""
    first, *rest = pairs
    all_steps = [models.Threshold(value=None, color=first)]
    all_steps += [models.Threshold(value=value, color=color) for value, color in rest]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(all_steps)


def place(panel, x, y, w, h):
    return panel.datasource(SOURCE).grid_pos(models.GridPos(h=h, w=w, x=x, y=y))


def number(title, description, expr, unit="short", colors=None, at=None, decimals=None, links=()):
    """One large number."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .no_value("no data")
        .thresholds(colors or steps(GOOD))
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID if colors else common.BigValueColorMode.NONE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(prometheus.Dataquery().expr(expr).ref_id("A").datasource(SOURCE).instant())
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if links:
        panel = panel.data_links([link(*pair) for pair in links])
    return place(panel, *at)


def lines(title, description, targets, unit, at, at_least=1):
    """Something over time; targets are pairs of query and legend. The axis shows this much at least."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .fill_opacity(8)
        .axis_soft_max(at_least)
        .legend(common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
                .placement(common.LegendPlacement.BOTTOM).show_legend(True))
    )
    for ref, (expr, legend) in zip("ABCDEFGH", targets):
        panel = panel.with_target(query(expr, ref, legend))
    return place(panel, *at)


def rows(title, description, targets, columns, at, sort=None):
    """A table. Targets are its queries, columns what is shown of them: name in the data, title, properties."""
    # An empty table cannot tell nothing wrong from nothing read; the numbers above it can.
    panel = table.Panel().title(title).description(description).unit("short").no_value("none known")
    for ref, expr in zip("ABCDEFGH", targets):
        panel = panel.with_target(query(expr, ref, is_table=True))
    if len(targets) > 1:
        panel = panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    names = [name for name, *_ in columns]
    options = {
        "renameByName": {name: shown for name, shown, *_ in columns},
        "indexByName": {name: place for place, name in enumerate(names)},
        "includeByName": {name: True for name in names},
    }
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=options))
    for _, shown, *properties in columns:
        values = [models.DynamicConfigValue(id_val=name, value=value) for name, value in [("noValue", "–"), *properties]]
        panel = panel.override_by_name(shown, values)
    if sort:
        shown, is_descending = sort
        panel = panel.sort_by([common_builders.TableSortByFieldState().display_name(shown).desc(is_descending)])
    return place(panel, *at)


def link(title, url):
    return dashboard.DashboardLink(title).url(url).target_blank(url.startswith("http"))


def to_account(field="account_id"):
    """A cell that leads to the account."""
    url = "/d/iam-key-exporter-account?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"
    value = '${__data.fields["Account"]}' if field == "account_id" else field
    return ("links", [{"title": "Every key of this account", "url": f"{url}&var-account={value}&${{__url_time_range}}"}])


def runbook(alert):
    """A cell that leads to what to do."""
    return ("links", [{"title": "What to do", "url": f"{RUNBOOKS}/{alert}.md", "targetBlank": True}])


def unit(name):
    return ("unit", name)


def width(pixels):
    return ("custom.width", pixels)


DAYS = (unit("suffix: d"), ("decimals", 1), width(110))


def in_days(expr):
    """The policy is a number of days, so people are shown days."""
    return f"({expr}) / 86400"


def account(*properties):
    """The column of account ids: twelve digits, and not a number."""
    return ("account_id", "Account", unit("string"), width(130), *properties)


def painted(*pairs):
    """A cell in the colour of its value."""
    first, *rest = pairs
    all_steps = [{"value": None, "color": first}, *({"value": value, "color": color} for value, color in rest)]
    return [("thresholds", {"mode": "absolute", "steps": all_steps}), ("custom.cellOptions", {"type": "color-text"})]


def words(**meanings):
    """A cell whose values have other words and colours: value=(text, colour)."""
    options = {value: {"text": text, "color": color, "index": index} for index, (value, (text, color)) in enumerate(meanings.items())}
    return [("mappings", [{"type": "value", "options": options}]), ("custom.cellOptions", {"type": "color-text"})]


def variable(name, label, values):
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": values, "refId": name})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def frame(uid, title, description, panels, variables=()):
    """A dashboard around these panels."""
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["iam-key-exporter"])
        .readonly()
        .refresh("5m")
        .time("now-24h", "now")
        .timezone("browser")
        .link(dashboard.DashboardLink("Other views").type(models.DashboardLinkType.DASHBOARDS)
              .tags(["iam-key-exporter"]).include_vars(True).keep_time(True))
        .annotation(
            dashboard.AnnotationQuery()
            .name("Firing alerts")
            .datasource(SOURCE)
            .enable(True)
            .icon_color(BAD)
            .expr('max by (alertname, account_id, user_name) (ALERTS{alertname=~"AWSIAM.+", alertstate="firing"})')
            .title_format("{{alertname}}")
            .text_format("{{account_id}} {{user_name}}")
        )
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
                       .current(models.VariableOption(selected=False, text="default", value="default")))
        .with_variable(variable("job", "Job", "label_values(iam_key_exporter_build_info, job)"))
        .with_variable(variable("instance", "Instance", 'label_values(iam_key_exporter_build_info{job=~"$job"}, instance)'))
    )
    for extra in variables:
        built = built.with_variable(extra)
    for number_, panel in enumerate(panels, start=1):
        built = built.with_panel(panel.id(number_))
    return built
